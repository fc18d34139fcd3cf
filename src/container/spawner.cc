#include "container/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "container/packet.h"
#include "container/spec.pb.h"
#include "container/syscalls.h"

extern char** environ;

namespace ionian::container {
namespace {

constexpr int kChildSocket = 3;
// It gives a former life 10 s to end, and that one's processes 10 s more.
constexpr int kStartTimeMs = 30'000;
constexpr int kEndTimeMs = 20'000;

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 32 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

// The program's three files. What is missing is /dev/null.
std::vector<UniqueFd> files_of(Stdio stdio) {
  std::vector<UniqueFd> files;
  for (UniqueFd* fd : {&stdio.in, &stdio.out, &stdio.err})
    files.push_back(*fd ? std::move(*fd) : UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
  return files;
}

bool is_readable_within(int fd, int timeout_ms) {
  pollfd readable{.fd = fd, .events = POLLIN};
  int n;
  do {
    n = ::poll(&readable, 1, timeout_ms);
  } while (n < 0 && errno == EINTR);
  return n > 0;
}

Result<ContainerEvent> to_event(Packet packet) {
  SpawnerEvent message;
  if (!message.ParseFromString(packet.bytes))
    return fail(Code::kInternal, "the spawner sent an event that cannot be read");
  ContainerEvent event{.id = message.id()};
  if (message.has_started()) {
    if (packet.fds.size() != 2) return fail(Code::kInternal, "the spawner sent no descriptors");
    event.kind = ContainerEvent::kStarted;
    event.pid = message.started().pid();
    event.id_base = message.started().id_base();
    event.pidfd = std::move(packet.fds[0]);
    event.netns = std::move(packet.fds[1]);
  } else if (message.has_exited()) {
    const Exited& exited = message.exited();
    event.kind = ContainerEvent::kExited;
    event.exit_code = exited.exit_code();
    event.signal = exited.signal();
    event.oom_killed = exited.oom_killed();
    event.peak_memory_bytes = exited.peak_memory_bytes();
    event.id_base = exited.id_base();
    if (!packet.fds.empty()) event.upper = std::move(packet.fds[0]);
  } else if (message.has_became()) {
    event.kind = ContainerEvent::kBecame;
    event.error = message.became().error();
  } else if (message.has_exec_started()) {
    event.kind = ContainerEvent::kExecStarted;
    if (!packet.fds.empty()) event.terminal = std::move(packet.fds[0]);
  } else if (message.has_exec_failed()) {
    event.kind = ContainerEvent::kExecFailed;
    event.error = message.exec_failed().error();
    event.not_runnable = message.exec_failed().not_runnable();
  } else if (message.has_exec_exited()) {
    event.kind = ContainerEvent::kExecExited;
    event.exit_code = message.exec_exited().exit_code();
    event.signal = message.exec_exited().signal();
  } else if (message.has_pong()) {
    event.kind = ContainerEvent::kPong;
  } else if (message.has_exchanged()) {
    event.kind = ContainerEvent::kExchanged;
    event.error = message.exchanged().error();
    event.busy = message.exchanged().busy();
  } else {
    event.error = message.failed();
    event.not_copied = message.not_copied();
    event.of_machine = message.of_machine();
  }
  return event;
}

}  // namespace

Result<std::unique_ptr<Spawner>> Spawner::start(SpawnerOptions options) {
  if (!is_name(options.name))
    return fail(Code::kInvalidArgument, "spawner name '", options.name, "'");
  if (!options.run_dir.starts_with('/'))
    return fail(Code::kInvalidArgument, "run folder '", options.run_dir, "' is not absolute");
  std::unique_ptr<Spawner> spawner(new Spawner(std::move(options)));
  TRY(spawner->spawn());
  TRY(spawner->configure());
  return spawner;
}

Result<void> Spawner::restart() {
  socket_.reset();
  outbox_ = {};
  if (pid_ > 0) {
    // One that only has closed its socket is on its way out, but may take longer than we can wait.
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  TRY(spawn());
  return configure();
}

Result<void> Spawner::spawn() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return sys_fail("make a socket pair");
  socket_.reset(pair[0]);
  // Under a number that the child's end is not moved onto: dup2 onto itself would keep
  // close-on-exec.
  const UniqueFd child_end(::fcntl(pair[1], F_DUPFD_CLOEXEC, kChildSocket + 1));
  ::close(pair[1]);
  if (!child_end) return sys_fail("make a socket pair");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_end.get(), kChildSocket);
  posix_spawn_file_actions_addclosefrom_np(&actions, kChildSocket + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // Its own session: Ctrl-C at the terminal is for the server, which ends its containers in order.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  std::string number = cat(kChildSocket);
  std::string program = options_.executable, verb = "spawner";
  char* args[] = {program.data(), verb.data(), number.data(), nullptr};
  const int error =
      ::posix_spawn(&pid_, options_.executable.c_str(), &actions, &attributes, args, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) pid_ = -1;
  if (error != 0) return sys_fail(cat("start ", options_.executable), error);
  return {};
}

Result<void> Spawner::configure() {
  SpawnerRequest request;
  Configure& configure = *request.mutable_configure();
  configure.set_run_dir(options_.run_dir);
  configure.set_name(options_.name);
  configure.set_resolver_file(options_.resolver_file);
  for (const std::string& host : options_.allow_hosts) configure.add_allow_hosts(host);
  TRY(send_packet(socket_.get(), request.SerializeAsString(), {}, Wait::kYes));
  if (!is_readable_within(socket_.get(), kStartTimeMs))
    return fail(Code::kUnavailable, "the spawner did not get ready in ", kStartTimeMs / 1000, " s");
  Result<std::optional<Packet>> answer = receive_packet(socket_.get(), Wait::kYes);
  if (!answer) return fail(Code::kUnavailable, "the spawner ended at its start");
  SpawnerEvent event;
  if (!event.ParseFromString((*answer)->bytes) || !event.has_ready())
    return fail(Code::kInternal, "the spawner did not say that it is ready");
  if (!event.ready().error().empty())
    return fail(static_cast<Code>(event.ready().code()),
                "this machine cannot make containers: ", event.ready().error());
  network_warning_ = event.ready().network_warning();
  return {};
}

Spawner::~Spawner() {
  socket_.reset();
  if (pid_ <= 0) return;
  const UniqueFd process(sys_pidfd_open(pid_));
  if (!is_readable_within(process.get(), kEndTimeMs)) ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> Spawner::send(const SpawnerRequest& request, std::vector<UniqueFd> fds) {
  std::string bytes = request.SerializeAsString();
  TRY(check_size(bytes));
  outbox_.push(std::move(bytes), std::move(fds));
  return flush();
}

Result<void> Spawner::ask(const SpawnerRequest& request, std::vector<UniqueFd> fds) {
  ++requests_;
  return send(request, std::move(fds));
}

Result<void> Spawner::ping() {
  SpawnerRequest request;
  request.set_ping(true);
  return send(request);
}

Result<void> Spawner::launch(const ContainerSpec& spec, Stdio stdio) {
  SpawnerRequest request;
  *request.mutable_launch() = spec;
  return ask(request, files_of(std::move(stdio)));
}

Result<void> Spawner::exec(const ExecSpec& spec, Stdio stdio) {
  SpawnerRequest request;
  *request.mutable_exec() = spec;
  return ask(request, files_of(std::move(stdio)));
}

Result<void> Spawner::become(const ContainerSpec& spec) {
  SpawnerRequest request;
  *request.mutable_become() = spec;
  return ask(request);
}

Result<void> Spawner::exchange(const std::string& id, const Overlay& overlay) {
  SpawnerRequest request;
  request.mutable_exchange()->set_id(id);
  *request.mutable_exchange()->mutable_overlay() = overlay;
  return ask(request);
}

Result<void> Spawner::kill_tree(const std::string& id) {
  SpawnerRequest request;
  request.set_kill_tree(id);
  return ask(request);
}

Result<void> Spawner::signal(const std::string& id, int signo) {
  SpawnerRequest request;
  request.mutable_signal()->set_id(id);
  request.mutable_signal()->set_signo(signo);
  return ask(request);
}

Result<void> Spawner::signal_exec(const std::string& id, int signo) {
  SpawnerRequest request;
  request.mutable_signal_exec()->set_id(id);
  request.mutable_signal_exec()->set_signo(signo);
  return ask(request);
}

Result<std::vector<ContainerEvent>> Spawner::read_events() {
  std::vector<ContainerEvent> events;
  for (;;) {
    Result<std::optional<Packet>> packet = receive_packet(socket_.get(), Wait::kNo);
    // What came before the end is told first.
    if (!packet && !events.empty()) return events;
    if (!packet) return std::unexpected(packet.error());
    if (!*packet) return events;
    ASSIGN_OR_RETURN(ContainerEvent event, to_event(std::move(**packet)));
    events.push_back(std::move(event));
  }
}

}  // namespace ionian::container
