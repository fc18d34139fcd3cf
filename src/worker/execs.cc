#include "worker/execs.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <csignal>

#include "worker/exec_state.h"

namespace ionian::worker {
namespace {

constexpr Duration kHold = 3s;  // since somebody has read on

// Ours, which does not block, and theirs.
Result<void> connect_ends(int reading, UniqueFd& ours, UniqueFd& theirs) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return sys_fail("make a pipe");
  ours.reset(ends[1 - reading]), theirs.reset(ends[reading]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return {};
}

}  // namespace

Execs::Execs(const Clock& clock)
    : clock_(clock),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
  thread_ = std::thread([this] { main(); });
}

Execs::~Execs() { stop(); }

void Execs::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void Execs::connect(ExecRunner& runner, std::function<void(const std::string&)> changed) {
  runner_ = &runner;
  changed_ = std::move(changed);
}

Result<void> Execs::check_room(const TaskId& task) const {
  std::size_t here = 0;
  for (const auto& [key, exec] : by_key_) here += key.task == task && !exec->end;
  if (here >= kRunningPerTask)
    return fail(Code::kResourceExhausted, "container ", task, " runs ", kRunningPerTask,
                " commands already, and more than that it may not; end some of them");
  if (by_key_.size() - ended_.size() >= kRunningMax)
    return fail(Code::kResourceExhausted, "this server runs ", kRunningMax,
                " commands in containers already; try again later");
  return {};
}

Result<Execs::ExecPtr> Execs::start(ExecRequest request) {
  std::unique_lock lock(mutex_);
  if (const auto found = by_key_.find(request.key); found != by_key_.end()) {
    // One that came too early is tried again, under the same name.
    const auto& started = found->second->started;
    if (!started || *started || started->error().code != Code::kUnavailable) return found->second;
    std::erase_if(ended_, [&](const auto& each) { return each.second == request.key; });
    by_number_.erase(found->second->number);
    by_key_.erase(found);
  }
  TRY(check_room(request.key.task));
  auto exec = std::make_shared<Exec>();
  exec->number = ++last_number_;
  exec->key = request.key;
  exec->place = {request.workspace, request.environment};
  exec->terminal = request.spec.has_terminal();
  exec->timeout = request.timeout;
  container::Stdio stdio;
  if (!exec->terminal) {
    ASSIGN_OR_RETURN(stdio, make_pipes(*exec, request));
  }
  by_key_[exec->key] = exec;
  by_number_[exec->number] = exec.get();
  watch(*exec, kOut, true);
  watch(*exec, kErr, true);
  lock.unlock();
  launch(exec, std::move(request), std::move(stdio));
  return exec;
}

Result<container::Stdio> Execs::make_pipes(Exec& exec, const ExecRequest& request) {
  container::Stdio stdio;
  TRY(connect_ends(0, exec.in, stdio.in));
  if (request.out == Sink::kPipe) TRY(connect_ends(1, exec.out.fd, stdio.out));
  if (request.err == Sink::kPipe) TRY(connect_ends(1, exec.err.fd, stdio.err));
  if (request.err == Sink::kStdout && stdio.out)
    stdio.err.reset(::fcntl(stdio.out.get(), F_DUPFD_CLOEXEC, 3));
  exec.out.over = !exec.out.fd, exec.err.over = !exec.err.fd;
  return stdio;
}

void Execs::launch(const ExecPtr& exec, ExecRequest request, container::Stdio stdio) {
  ExecHooks hooks;
  hooks.started = [this, exec](UniqueFd terminal) { on_started(exec, std::move(terminal)); };
  hooks.failed = [this, exec](Status status) { on_end(exec, {.exit_code = 127}, status); };
  hooks.ended = [this, exec](int code, int signal) {
    on_end(exec, {.exit_code = code, .signal = signal}, {});
  };
  request.spec.set_id(exec->id());
  runner_->exec(request.key.task, std::move(request.spec), std::move(stdio), std::move(hooks));
}

void Execs::on_started(const ExecPtr& exec, UniqueFd terminal) {
  std::lock_guard lock(mutex_);
  exec->started = Result<void>();
  exec->left_at = clock_.now();
  if (exec->timeout > 0ns) exec->kill_at = clock_.now() + exec->timeout;
  if (terminal) {
    exec->in.reset(::fcntl(terminal.get(), F_DUPFD_CLOEXEC, 3));
    exec->out.fd = std::move(terminal);
    exec->out.over = false;
    watch(*exec, kOut, true);
  }
  changed_(key_of(*exec));
  wake();
}

void Execs::on_end(const ExecPtr& exec, ExecEnd end, std::optional<Status> failure) {
  std::lock_guard lock(mutex_);
  if (exec->end) return;
  exec->end = end;
  if (failure) {
    exec->started = std::unexpected(std::move(*failure));
    for (Exec::Stream* stream : {&exec->out, &exec->err}) stream->fd.reset(), stream->over = true;
  }
  close_input(*exec);
  exec->kill_at.reset();
  exec->ended_at = clock_.now();
  exec->hold_until = exec->ended_at + kHold;
  // What it has left in its pipes belongs before its end.
  for (const Which which : {kOut, kErr}) {
    const Exec::Stream& from = exec->stream(which);
    for (std::uint64_t before = ~0ULL; from.fd && from.watched && before != from.window.end();) {
      before = from.window.end();
      read_some(*exec, which);
    }
  }
  ended_[++last_end_] = exec->key;
  if (ended_.size() > kEndedMax) forget_oldest();
  changed_(key_of(*exec));
  wake();
}

void Execs::forget_oldest() {
  const auto key = ended_.begin()->second;
  ended_.erase(ended_.begin());
  const auto found = by_key_.find(key);
  Exec& exec = *found->second;
  watch(exec, kOut, false);
  watch(exec, kErr, false);
  by_number_.erase(exec.number);
  bytes_ -= exec.out.window.kept() + exec.err.window.kept();
  // Whoever still has it reads nothing more.
  exec.out.over = exec.err.over = true;
  changed_(key_of(exec));
  by_key_.erase(found);
}

Execs::ExecPtr Execs::find(const ExecKey& key) const {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

Execs::ExecPtr Execs::find_by_id(const std::string& id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [key, exec] : by_key_)
    if (key.id == id) return exec;
  return nullptr;
}

std::optional<Execs::Place> Execs::place_of(const TaskId& task) const {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.lower_bound({.task = task, .id = ""});
  if (found == by_key_.end() || found->first.task != task) return std::nullopt;
  return found->second->place;
}

// What of it never changes.
std::string Execs::key_of(const Exec& exec) { return exec.id(); }
const ExecKey& Execs::name_of(const Exec& exec) { return exec.key; }
const Execs::Place& Execs::place_of(const Exec& exec) { return exec.place; }

std::optional<Result<void>> Execs::started(const Exec& exec) const {
  std::lock_guard lock(mutex_);
  return exec.started;
}

std::optional<ExecEnd> Execs::end(const Exec& exec) const {
  std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  if (exec.being_read() && now < exec.hold_until) return std::nullopt;
  if (exec.unheard() && now < exec.readers_until) return std::nullopt;
  return exec.end;
}

void Execs::expect_readers(Exec& exec) {
  std::lock_guard lock(mutex_);
  exec.readers_until = clock_.now() + kReadersCome;
  wake();
}

Result<Execs::Output> Execs::read(Exec& exec, int stream, std::uint64_t offset, std::size_t most) {
  std::lock_guard lock(mutex_);
  Exec::Stream& from = exec.stream(stream);
  from.begun = true;
  const bool full = !from.watched && !from.over;
  const std::size_t room = from.window.room();
  ASSIGN_OR_RETURN(const std::string_view bytes, from.window.read(offset, most));
  if (exec.end && from.window.room() != room) {
    exec.hold_until = clock_.now() + kHold;
    changed_(key_of(exec));
  }
  if (full) watch(exec, stream == 2 ? kErr : kOut, from.window.room() > 0);
  const bool all = offset + bytes.size() >= from.window.end();
  // A terminal opens its stream when it starts.
  return Output{std::string(bytes), all && from.over && exec.started.has_value()};
}

Execs::Look::Look(Execs& execs, ExecPtr exec) : execs_(&execs), exec_(std::move(exec)) {
  std::lock_guard lock(execs_->mutex_);
  ++exec_->looks;
}

Execs::Look::~Look() {
  if (!exec_) return;
  std::lock_guard lock(execs_->mutex_);
  --exec_->looks;
  if (exec_->end) execs_->changed_(key_of(*exec_));
  exec_->left_at = execs_->clock_.now();
  execs_->wake();
}

Execs::Counts Execs::counts() const {
  std::lock_guard lock(mutex_);
  return {.running = by_key_.size() - ended_.size(), .ended = ended_.size(), .bytes = bytes_};
}

}  // namespace ionian::worker
