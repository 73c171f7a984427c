#include "proxy/control_roles.h"

#include <charconv>
#include <optional>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace cordon::proxy {
namespace {

constexpr std::size_t record_room = 65'536;  // for the texts of one user or group

std::optional<gid_t> group_id(const std::string& name) {
  std::vector<char> room(record_room);
  group record{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &record, room.data(), room.size(), &found) == 0 && found) {
    return found->gr_gid;
  }
  gid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number;
  return std::nullopt;
}

std::set<gid_t> group_ids(const std::vector<std::string>& names) {
  std::set<gid_t> out;
  for (const std::string& name : names) {
    if (const auto id = group_id(name)) out.insert(*id);
  }
  return out;
}

void add_process_groups(int socket, std::set<gid_t>& groups) {
  std::vector<gid_t> list(65'536);  // NGROUPS_MAX
  socklen_t size = static_cast<socklen_t>(list.size() * sizeof(gid_t));
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, list.data(), &size) != 0) return;
  list.resize(size / sizeof(gid_t));
  groups.insert(list.begin(), list.end());
}

void add_user_groups(const char* user, gid_t primary, std::set<gid_t>& groups) {
  std::vector<gid_t> list(64);
  int count = static_cast<int>(list.size());
  if (getgrouplist(user, primary, list.data(), &count) < 0) {
    list.resize(static_cast<std::size_t>(count));
    if (getgrouplist(user, primary, list.data(), &count) < 0) return;
  }
  groups.insert(list.begin(), list.begin() + count);
}

bool share_any(const std::set<gid_t>& a, const std::set<gid_t>& b) {
  for (const gid_t id : a) {
    if (b.count(id) != 0) return true;
  }
  return false;
}

}  // namespace

ControlPeer peer_of(int socket) {
  ControlPeer peer;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
  peer.uid = credentials.uid;
  peer.user = "uid " + std::to_string(peer.uid);
  peer.groups.insert(credentials.gid);
  add_process_groups(socket, peer.groups);

  std::vector<char> room(record_room);
  passwd record{};
  passwd* found = nullptr;
  if (getpwuid_r(peer.uid, &record, room.data(), room.size(), &found) == 0 && found != nullptr) {
    peer.user = found->pw_name;
    add_user_groups(found->pw_name, found->pw_gid, peer.groups);
  }
  return peer;
}

RoleGroups role_groups(const Settings::Control& control) {
  return {group_ids(control.view_groups), group_ids(control.review_groups),
          group_ids(control.admin_groups)};
}

wire::Role role_of(const ControlPeer& peer, uid_t own_uid, const RoleGroups& groups) {
  if (peer.uid == static_cast<uid_t>(-1)) return wire::Role::none;
  if (peer.uid == 0 || peer.uid == own_uid) return wire::Role::admin;
  if (share_any(peer.groups, groups.admin)) return wire::Role::admin;
  if (share_any(peer.groups, groups.review)) return wire::Role::review;
  if (share_any(peer.groups, groups.view)) return wire::Role::view;
  return wire::Role::none;
}

}  // namespace cordon::proxy
