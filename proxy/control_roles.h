// Who is at the other end of a Unix socket, and what he may do.
#pragma once

#include <set>
#include <string>

#include <sys/types.h>

#include "proxy/operator_actions.h"
#include "proxy/settings.h"
#include "wire/commands.h"

namespace cordon::proxy {

struct ControlPeer {
  uid_t uid = static_cast<uid_t>(-1);
  std::string user;        // "uid 1234" if it has no name
  std::set<gid_t> groups;  // primary and supplementary
};

// By SO_PEERCRED; groups are those that the process has (SO_PEERGROUPS) and those that its user is
// in now (getgrouplist), so that a new membership counts without a new login. Nothing is permitted
// to a peer that cannot be told.
ControlPeer peer_of(int socket);

struct RoleGroups {
  std::set<gid_t> view, review, admin;
};
// Names (or numbers) of groups; one that does not exist has no members.
RoleGroups role_groups(const Settings::Control& control);

// Root and `own_uid` may do all; else the highest role that a group gives.
wire::Role role_of(const ControlPeer& peer, uid_t own_uid, const RoleGroups& groups);

}  // namespace cordon::proxy
