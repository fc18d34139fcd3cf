#include "container/spawner_process.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "container/calm.h"
#include "container/change_events.h"
#include "container/exec.h"
#include "container/jail.h"
#include "container/network_pool.h"
#include "container/outbox.h"
#include "container/requirements.h"
#include "container/run_dir.h"
#include "container/served.h"
#include "container/syscalls.h"
#include "container/zygote.h"

namespace ionian::container {
namespace {

class SpawnerProcess {
 public:
  explicit SpawnerProcess(int socket) : socket_(socket) {}
  int run();

 private:
  Result<void> configure(const Configure& configure);
  Result<void> watch(int fd, void* what, std::uint32_t events);
  void unwatch(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }
  void serve();
  void on_requests();
  void on_request(Packet packet);
  // `owner`: the id of the container that it serves a file system of.
  Result<void> launch(ContainerSpec spec, std::vector<UniqueFd> fds, std::string owner = {});
  // Null: it does not run (any more).
  Container* find(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  void kill(const std::string& id);
  void kill_servers(const std::string& id, int count);
  void become(ContainerSpec spec);
  void exchange(const Exchange& wish);
  void begin_change(Container& container, Result<void> done, ChangeEvent failed);
  void on_report(Container& container);
  void on_change(Container& container);
  void on_children();
  void on_end(std::unique_ptr<Container> container, int init_status);
  void clear_later();
  void flush();
  void send(SpawnerEvent event, std::vector<UniqueFd> fds = {});
  void tell(const Container& container, SpawnerEvent event, std::vector<UniqueFd> fds);
  void shut_down();

  UniqueFd socket_, epoll_, signals_, lock_;
  std::string run_dir_, name_;
  std::optional<NetworkPool> network_;
  std::optional<Jail> jail_;
  Execs execs_{[this](SpawnerEvent event, std::vector<UniqueFd> fds) {
                 send(std::move(event), std::move(fds));
               },
               [this](int fd, void* what) { return watch(fd, what, EPOLLIN); },
               [this](int fd) { unwatch(fd); }};
  Forks forks_;
  std::map<std::string, Container*> by_id_;
  std::map<pid_t, std::unique_ptr<Container>> by_pid_;
  std::vector<std::unique_ptr<Container>> ended_;  // their cgroups are not empty yet
  std::vector<std::string> doomed_;                // folders to remove
  pid_t janitor_ = -1;                             // removes folders, off everyone's path
  Outbox outbox_;
  int starting_ = 0;   // containers whose program does not run yet, or is being given another root
  bool gone_ = false;  // the server is
};

int SpawnerProcess::run() {
  ::umask(0);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);

  Result<std::optional<Packet>> first = receive_packet(socket_.get(), Wait::kYes);
  SpawnerRequest request;
  if (!first || !*first || !request.ParseFromString((*first)->bytes)) return 1;
  if (request.has_dns_forwarder())
    run_dns_forwarder(socket_.get(), request.dns_forwarder().resolver_file());
  if (!request.has_configure()) return 1;
  Result<void> ready = configure(request.configure());
  send(ready_event(ready, ready ? network_->warning() : ""));
  if (ready) serve();
  shut_down();
  return ready ? 0 : 1;
}

Result<void> SpawnerProcess::configure(const Configure& configure) {
  run_dir_ = configure.run_dir();
  name_ = configure.name();
  TRY(check_rights());
  // What is left of the making of copies (zygote_fork.cc) is reaped here.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return sys_fail("become a reaper");
  ASSIGN_OR_RETURN(lock_, lock_run_dir(run_dir_));
  TRY(CgroupTree::remove_orphans(name_));
  TRY(empty_run_dir(run_dir_));
  TRY(leave_mounts_of_host());
  TRY(check_kernel(run_dir_));
  ASSIGN_OR_RETURN(network_, NetworkPool::open({.name = name_,
                                                .allow_hosts = {configure.allow_hosts().begin(),
                                                                configure.allow_hosts().end()},
                                                .resolver_file = configure.resolver_file()}));
  ASSIGN_OR_RETURN(jail_, Jail::open(run_dir_, name_));

  signals_.reset(signalfd_of(SIGCHLD));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!signals_ || !epoll_) return sys_fail("watch for events");
  TRY(watch(signals_.get(), &signals_, EPOLLIN));
  return watch(socket_.get(), &socket_, EPOLLIN);
}

Result<void> SpawnerProcess::watch(int fd, void* what, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = what}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 &&
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return sys_fail("watch a file");
  return {};
}

void SpawnerProcess::serve() {
  Calm calm;
  while (!gone_) {
    epoll_event event;
    const int wait_ms = calm.wait_ms(!ended_.empty());
    // One at a time: what an event does may end what the next one is about.
    const int n = ::epoll_wait(epoll_.get(), &event, 1, wait_ms);
    if (n < 0 && errno != EINTR) return;
    if (n <= 0) {
      clear_later();
      // A container that is on its way has the machine for itself.
      calm.idle(wait_ms, [&](Stock stock) {
        return starting_ == 0 && (network_->refill(stock) || jail_->refill(stock));
      });
      continue;
    }
    calm.event();
    if (event.data.ptr == &signals_)
      on_children();
    else if (event.data.ptr == &socket_)
      flush(), on_requests();
    else if (!execs_.on_report(event.data.ptr))
      on_report(*static_cast<Container*>(event.data.ptr));
  }
}

void SpawnerProcess::on_requests() {
  Result<std::optional<Packet>> packet = receive_packet(socket_.get(), Wait::kNo);
  if (packet && *packet) return on_request(std::move(**packet));
  if (packet || packet.error().code == Code::kInvalidArgument) return;
  gone_ = true;
}

void SpawnerProcess::on_request(Packet packet) {
  SpawnerRequest request;
  if (!request.ParseFromString(packet.bytes)) return;
  if (request.has_launch()) {
    const std::string id = request.launch().id();
    Result<void> done = launch(std::move(*request.mutable_launch()), std::move(packet.fds));
    if (done) return;
    return send(failed_event(id, done.error()));
  }
  if (request.has_ping()) return send(pong_event());
  if (request.has_become()) return become(std::move(*request.mutable_become()));
  if (request.has_exchange()) return exchange(request.exchange());
  if (request.has_exec()) {
    const Container* container = find(request.exec().container());
    return execs_.start(*jail_, container, std::move(*request.mutable_exec()),
                        std::move(packet.fds));
  }
  if (request.has_signal_exec())
    return execs_.signal(request.signal_exec().id(), request.signal_exec().signo());
  // A container that is not there has just ended; its event is on the way.
  if (!request.has_signal()) return kill(request.kill_tree());
  if (const Container* container = find(request.signal().id()))
    sys_pidfd_signal(container->pidfd.get(), request.signal().signo());
}

void SpawnerProcess::kill(const std::string& id) {
  const Container* container = find(id);
  if (!container) return;
  sys_pidfd_signal(container->pidfd.get(), SIGKILL);
  kill_servers(id, container->spec.served_size());
}

// A process that waits for an answer of such a server can be killed only once there is no server.
void SpawnerProcess::kill_servers(const std::string& id, int count) {
  for (int i = 0; i < count; ++i) kill(server_id(id, i));
}

Result<void> SpawnerProcess::launch(ContainerSpec spec, std::vector<UniqueFd> fds,
                                    std::string owner) {
  if (by_id_.contains(spec.id()))
    return fail(Code::kAlreadyExists, "container ", spec.id(), " is running");
  if (!Network_IsValid(spec.network())) return fail(Code::kInvalidArgument, "unknown network");
  const bool forked = !spec.forked_from().empty();
  const Container* zygote = forked ? find(spec.forked_from()) : nullptr;
  if (forked && !(zygote && forks_.has(*zygote)))
    return fail(Code::kNotFound, "the zygote ", spec.forked_from(), " does not run");
  NetworkLease network;
  if (!forked) {
    ASSIGN_OR_RETURN(network, network_->take(spec.network()));
  }
  const std::string id = spec.id();
  const int servers = spec.served_size();
  const auto serve = [&](const ContainerSpec& owned, const IdRange& ids, int err) {
    return serve_all(owned, ids, err, [&](ContainerSpec server, std::vector<UniqueFd> stdio) {
      return launch(std::move(server), std::move(stdio), id);
    });
  };
  Result<std::unique_ptr<Container>> started =
      jail_->start(std::move(spec), network, std::move(fds), serve, zygote);
  if (!started) {
    kill_servers(id, servers);
    network_->give_back(std::move(network));
    return std::unexpected(started.error());
  }
  std::unique_ptr<Container> container = std::move(*started);
  container->owner = std::move(owner);
  TRY(watch(container->report.get(), container.get(), EPOLLIN));
  Container& born = *container;
  by_id_[born.spec.id()] = &born;
  by_pid_[born.pid] = std::move(container);
  ++starting_;
  if (forked) forks_.bring_program(born, *network_);
  return {};
}

void SpawnerProcess::become(ContainerSpec spec) {
  Container* container = find(spec.id());
  if (!container) return;
  begin_change(*container, jail_->become(*container, std::move(spec)), became_event);
}

void SpawnerProcess::exchange(const Exchange& wish) {
  Container* container = find(wish.id());
  if (!container) return;
  begin_change(*container, jail_->exchange(*container, wish.overlay()), exchanged_event);
}

// What came of it is heard by the container's pipe of changes.
void SpawnerProcess::begin_change(Container& container, Result<void> done, ChangeEvent failed) {
  if (done && !(done = watch(container.change.get(), &container, EPOLLIN)))
    container.change.reset();
  if (done) return void(++starting_);
  send(failed(container.spec.id(), Report::kError, done.error().message));
}

void SpawnerProcess::on_change(Container& container) {
  std::optional<SpawnerEvent> event = read_change(container);
  if (!event) return;  // not yet
  unwatch(container.change.get());
  container.change.reset();
  --starting_;
  send(std::move(*event));
}

// Reads all that is there.
void SpawnerProcess::on_report(Container& container) {
  if (container.change) on_change(container);
  char packet[4096];
  for (;;) {
    const ssize_t n = ::read(container.report.get(), packet, sizeof packet);
    if (n == 0) unwatch(container.report.get());  // a zygote's, once its program runs
    if (n <= 0) break;
    const std::string_view rest(packet + 1, static_cast<std::size_t>(n) - 1);
    switch (static_cast<Report>(packet[0])) {
      case Report::kNoCopy:
        container.not_copied = container.error.empty();
        [[fallthrough]];
      case Report::kError:
        if (container.error.empty()) container.error = rest;
        break;
      default:  // the others come by the other pipe
        break;
      case Report::kExited:
        container.exited = true;
        kill_servers(container.spec.id(), container.spec.served_size());
        std::memcpy(&container.status, rest.data(), std::min(rest.size(), sizeof(int)));
        break;
      case Report::kStarted: {
        container.started = true;
        --starting_;
        if (container.control) forks_.add(container);
        tell(container, started_event(container), files_of_start(container));
        break;
      }
    }
  }
  // At the end of file it would be readable for ever; its end is told by SIGCHLD.
  if (container.exited || !container.error.empty()) unwatch(container.report.get());
}

void SpawnerProcess::on_children() {
  for (signalfd_siginfo info; ::read(signals_.get(), &info, sizeof info) > 0;) {
  }
  for (;;) {
    int status;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) break;
    if (pid == janitor_) janitor_ = -1;
    if (network_->child_ended(pid) || forks_.child_ended(pid, status) ||
        execs_.child_ended(pid, status))
      continue;
    const auto found = by_pid_.find(pid);
    if (found == by_pid_.end()) continue;
    std::unique_ptr<Container> container = std::move(found->second);
    by_pid_.erase(found);
    on_end(std::move(container), status);
  }
  clear_later();
}

void SpawnerProcess::on_end(std::unique_ptr<Container> container, int init_status) {
  on_report(*container);
  kill_servers(container->spec.id(), container->spec.served_size());
  by_id_.erase(container->spec.id());
  forks_.remove(*container);
  starting_ -= !container->started + !!container->change;
  tell(*container, ended_event(*container, init_status), files_of_end(*container));
  // Closing alone does not end it: a child that was just forked may have the same files open.
  unwatch(container->report.get());
  unwatch(container->change.get());
  container->report.reset();
  network_->give_back(std::move(container->network));
  ended_.push_back(std::move(container));
}

// Nobody but the spawner knows of those that serve.
void SpawnerProcess::tell(const Container& container, SpawnerEvent event,
                          std::vector<UniqueFd> fds) {
  if (container.owner.empty()) return send(std::move(event), std::move(fds));
  Container* owner = find(container.owner);
  if (event.has_failed() && owner) owner->served_error = event.failed();
}

void SpawnerProcess::clear_later() {
  std::erase_if(ended_, [&](auto& container) { return jail_->clear(*container, doomed_); });
  if (doomed_.empty() || janitor_ >= 0) return;
  janitor_ = remove_beside(doomed_);
  if (janitor_ > 0) doomed_.clear();
}

void SpawnerProcess::send(SpawnerEvent event, std::vector<UniqueFd> fds) {
  outbox_.push(event.SerializeAsString(), std::move(fds));
  flush();
}

void SpawnerProcess::flush() {
  gone_ = gone_ || !outbox_.flush(socket_.get());
  if (gone_) return;
  const std::uint32_t full = outbox_.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT);
  if (epoll_) (void)watch(socket_.get(), &socket_, EPOLLIN | full);
}

void SpawnerProcess::shut_down() {
  if (!jail_) return;
  for (const auto& [pid, container] : by_pid_) sys_pidfd_signal(container->pidfd.get(), SIGKILL);
  while (!by_pid_.empty() || janitor_ > 0) {
    int status;
    const pid_t pid = ::waitpid(-1, &status, 0);
    if (pid < 0) break;
    if (pid == janitor_) janitor_ = -1;
    const auto found = by_pid_.find(pid);
    if (found == by_pid_.end()) continue;
    ended_.push_back(std::move(found->second));
    by_pid_.erase(found);
  }
  for (auto& container : ended_) jail_->clear(*container, doomed_);
  ended_.clear();
  network_.reset();
  for (const std::string& folder : doomed_) (void)remove_tree(folder);
  for (const Result<void>& done : {CgroupTree::remove_orphans(name_), empty_run_dir(run_dir_)})
    if (!done) log::warning("spawner: ", done.error().message);
}

}  // namespace

int run_spawner(int socket_fd) {
  ::fcntl(socket_fd, F_SETFD, FD_CLOEXEC);
  return SpawnerProcess(socket_fd).run();
}

}  // namespace ionian::container
