#include "proxy/control_endpoint.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/control_connection.h"
#include "proxy/control_roles.h"
#include "proxy/control_service.h"
#include "proxy/control_socket.h"

namespace cordon::proxy {
namespace {

store::WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// The group that the socket belongs to: the first configured, the widest role first.
std::optional<gid_t> socket_group(const Settings::Control& control) {
  for (const auto* names : {&control.view_groups, &control.review_groups, &control.admin_groups}) {
    if (names->empty()) continue;
    const RoleGroups found = role_groups({{names->front()}, {}, {}});
    if (!found.view.empty()) return *found.view.begin();
  }
  return std::nullopt;
}

}  // namespace

struct ControlEndpoint::State {
  // A client's thread, and whether it is done and only waits to be joined.
  struct Client {
    std::atomic<bool> done = false;
    std::thread thread;
  };

  State(const Settings& settings, store::Store& the_store, OperatorActions& the_actions,
        ControlLimits the_limits)
      : path(settings.paths.control_socket),
        store(the_store),
        actions(the_actions),
        limits(the_limits),
        stop_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        groups(role_groups(settings.control)),
        listener(listen_at(path, socket_group(settings.control))) {
    if (stop_event.get() < 0) throw std::runtime_error("control socket: no eventfd to be had");
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) inode = status.st_ino;
  }

  void accept_clients();
  void admit(Descriptor socket);
  void serve(Descriptor socket);
  void converse(ControlConnection& connection, const ControlPeer& peer, wire::Role role);
  void answer(ControlService& service, const std::string& line, const ControlPeer& peer,
              wire::Role role, const ReplySink& sink, bool& go_on);
  void remove_socket() const;

  const std::string path;
  store::Store& store;
  OperatorActions& actions;
  const ControlLimits limits;
  Descriptor stop_event;
  std::mutex groups_mutex;
  RoleGroups groups;
  Descriptor listener;
  ino_t inode = 0;
  std::thread acceptor;
  std::list<Client> clients;  // of the acceptor's thread
};

void ControlEndpoint::State::accept_clients() {
  for (;;) {
    std::array<pollfd, 2> waits{{{listener.get(), POLLIN, 0}, {stop_event.get(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) break;
    if (waits[1].revents != 0) break;
    if (waits[0].revents == 0) continue;
    Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      admit(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // Out of something: the pending client would wake us at once and for ever.
      ::poll(&waits[1], 1, 100);
    }
  }
  for (Client& client : clients) client.thread.join();
}

void ControlEndpoint::State::admit(Descriptor socket) {
  for (auto client = clients.begin(); client != clients.end();) {
    if (!client->done) {
      ++client;
      continue;
    }
    client->thread.join();
    client = clients.erase(client);
  }
  if (clients.size() >= limits.max_clients) {
    ControlConnection busy(std::move(socket), stop_event.get(), std::chrono::milliseconds(0), 0);
    busy.write_line(encode(wire::ErrorReply{0, wire::ErrorCode::busy, "too many clients at once"}));
    return;
  }
  Client& client = clients.emplace_back();
  try {
    client.thread = std::thread([this, &client, fd = std::move(socket)]() mutable {
      serve(std::move(fd));
      client.done = true;
    });
  } catch (const std::system_error&) {
    clients.pop_back();  // no thread to be had: this client is closed, others go on
  }
}

void ControlEndpoint::State::serve(Descriptor socket) {
  const ControlPeer peer = peer_of(socket.get());
  wire::Role role = wire::Role::none;
  {
    const std::lock_guard lock(groups_mutex);
    role = role_of(peer, ::geteuid(), groups);
  }
  ControlConnection connection(std::move(socket), stop_event.get(), limits.idle_timeout,
                               wire::max_request_line);
  if (role == wire::Role::none) {
    connection.write_line(encode(wire::ErrorReply{
        0, wire::ErrorCode::not_permitted,
        peer.user + " is in none of the groups of [control] that may use this socket"}));
    return;
  }
  try {
    converse(connection, peer, role);
  } catch (const std::exception& fault) {
    connection.write_line(encode(wire::ErrorReply{0, wire::ErrorCode::failed, fault.what()}));
  }
}

void ControlEndpoint::State::converse(ControlConnection& connection, const ControlPeer& peer,
                                      wire::Role role) {
  const auto reader = store.reader();
  ControlService service(actions, *reader, wall_now);
  const ReplySink sink = [&](const wire::Reply& reply) {
    return connection.write_line(encode(reply));
  };
  const GatewayStatus status = actions.status();
  bool go_on =
      sink(wire::Hello{wire::control_version, "cordond " + status.version, status.hostname, role});
  std::string line;
  while (go_on) {
    switch (connection.read_line(line)) {
      case ControlConnection::Got::end:
        return;
      case ControlConnection::Got::too_long:
        sink(wire::ErrorReply{0, wire::ErrorCode::too_long, "the line exceeds 1 MiB"});
        return;
      case ControlConnection::Got::line:
        answer(service, line, peer, role, sink, go_on);
    }
  }
}

// A request that cannot be read ends the connection: what follows it may be anything.
void ControlEndpoint::State::answer(ControlService& service, const std::string& line,
                                    const ControlPeer& peer, wire::Role role, const ReplySink& sink,
                                    bool& go_on) {
  const auto request = wire::decode_request(line);
  if (!request) {
    const wire::Fault& fault = request.error();
    go_on = sink(wire::ErrorReply{fault.request, fault.code, fault.message}) && fault.request != 0;
    return;
  }
  service.serve(*request, role, {static_cast<std::int64_t>(peer.uid), peer.user},
                [&](const wire::Reply& reply) { return go_on = sink(reply); });
}

// Only our own: a successor may have bound the path already.
void ControlEndpoint::State::remove_socket() const {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && status.st_ino == inode) {
    ::unlink(path.c_str());
  }
}

ControlEndpoint::ControlEndpoint(const Settings& settings, store::Store& store,
                                 OperatorActions& actions, ControlLimits limits)
    : state_(std::make_unique<State>(settings, store, actions, limits)) {}

ControlEndpoint::~ControlEndpoint() { stop(); }

void ControlEndpoint::start() {
  if (!state_->acceptor.joinable()) {
    state_->acceptor = std::thread([this] { state_->accept_clients(); });
  }
}

void ControlEndpoint::reload(const Settings::Control& control) {
  RoleGroups groups = role_groups(control);
  const std::lock_guard lock(state_->groups_mutex);
  state_->groups = std::move(groups);
}

void ControlEndpoint::stop() {
  const std::uint64_t one = 1;
  if (::write(state_->stop_event.get(), &one, sizeof one) < 0 && errno != EAGAIN) return;
  if (state_->acceptor.joinable()) state_->acceptor.join();
  state_->remove_socket();
}

}  // namespace cordon::proxy
