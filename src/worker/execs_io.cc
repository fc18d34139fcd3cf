// The thread of Execs: moves bytes, and keeps its times.
#include <sys/epoll.h>

#include <cerrno>
#include <csignal>

#include "worker/exec_state.h"

namespace ionian::worker {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr int kPausedMs = 100;

}  // namespace

void Execs::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void Execs::main() {
  std::vector<epoll_event> events(64);
  int wait_ms = -1;
  for (;;) {
    const int n =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    for (int i = 0; i < n; ++i) {
      const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
      if (data != 0) {
        handle(data / 4, static_cast<Which>(data % 4));
        continue;
      }
      std::uint64_t count;
      // Does not block, like all that is read here.
      // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    }
    wait_ms = tend();
  }
}

void Execs::watch(Exec& exec, Which which, bool wanted) {
  const UniqueFd& fd = which == kIn ? exec.in : exec.stream(which).fd;
  bool& watched = which == kIn ? exec.in_watched : exec.stream(which).watched;
  if (!fd || watched == wanted) return;
  epoll_event event{.events = which == kIn ? EPOLLOUT : EPOLLIN,
                    .data = {.u64 = exec.number * 4 + which}};
  CHECK(::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd.get(), &event) == 0);
  watched = wanted;
}

void Execs::handle(std::uint64_t number, Which which) {
  const auto found = by_number_.find(number);
  if (found == by_number_.end()) return;
  if (which == kIn)
    write_some(*found->second);
  else
    read_some(*found->second, which);
}

void Execs::read_some(Exec& exec, Which which) {
  Exec::Stream& from = exec.stream(which);
  if (!from.fd) return;
  std::size_t room = std::min(kReadBytes, from.window.room());
  // A little has everybody, so that a few cannot stop all others.
  if (bytes_ + room > kBytesMax && from.window.kept() >= kReadBytes) paused_ = true, room = 0;
  if (room == 0) return watch(exec, which, false);
  char buffer[kReadBytes];
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
  const ssize_t n = ::read(from.fd.get(), buffer, room);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n > 0) {
    const std::size_t before = from.window.kept();
    from.window.push({buffer, static_cast<std::size_t>(n)});
    bytes_ += from.window.kept() - before;
  } else {  // a terminal ends with an error
    watch(exec, which, false);
    from.fd.reset();
    from.over = true;
  }
  changed_(key_of(exec));
}

void Execs::write_some(Exec& exec) {
  while (exec.in && !exec.in_queue.empty()) {
    const ssize_t n = ::write(exec.in.get(), exec.in_queue.data(), exec.in_queue.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return watch(exec, kIn, true);
    if (n < 0) {
      close_input(exec);
      return changed_(key_of(exec));
    }
    exec.in_queue.erase(0, static_cast<std::size_t>(n));
    changed_(key_of(exec));
  }
  watch(exec, kIn, false);
  if (exec.in && exec.in_last && !exec.terminal) close_input(exec);
}

void Execs::close_input(Exec& exec) {
  watch(exec, kIn, false);
  exec.in.reset();
  exec.in_queue.clear();
}

// As when a line breaks: its programs get SIGHUP.
void Execs::hang_up(Exec& exec) {
  close_input(exec);
  watch(exec, kOut, false);
  exec.out.fd.reset();
  exec.out.over = true;
  changed_(key_of(exec));
}

// Memory for all is at its end: what was read already goes, and so do those that have ended.
bool Execs::make_room() {
  for (auto& [number, exec] : by_number_)
    for (Exec::Stream* stream : {&exec->out, &exec->err}) {
      bytes_ -= stream->window.kept();
      stream->window.drop_taken();
      bytes_ += stream->window.kept();
    }
  while (bytes_ + kReadBytes > kBytesMax && !ended_.empty()) forget_oldest();
  return bytes_ + kReadBytes <= kBytesMax;
}

void Execs::tend_one(Exec& exec, Time now, const std::function<void(Time)>& at) {
  if (exec.kill_at && *exec.kill_at <= now) {
    runner_->signal_exec(exec.id(), SIGKILL);
    exec.kill_at.reset();
  }
  if (exec.kill_at) at(*exec.kill_at);
  if (exec.end && exec.being_read()) {
    if (exec.hold_until <= now)
      changed_(key_of(exec));
    else
      at(exec.hold_until);
  }
  if (exec.end && exec.readers_until != Time{}) {
    if (exec.readers_until <= now) {
      exec.readers_until = {};
      changed_(key_of(exec));
    } else {
      at(exec.readers_until);
    }
  }
  if (!exec.terminal || exec.looks > 0 || !exec.out.fd) return;
  if (exec.left_at + kPatience <= now)
    hang_up(exec);
  else
    at(exec.left_at + kPatience);
}

void Execs::forget_spent(Time now, const std::function<void(Time)>& at) {
  for (auto each = ended_.begin(); each != ended_.end();) {
    const Exec& exec = *by_key_.at(each->second);
    const bool spent = exec.over() && exec.ended_at + kKept <= now;
    if (exec.over() && !spent) at(exec.ended_at + kKept);
    if (!spent) {
      ++each;
      continue;
    }
    bytes_ -= exec.out.window.kept() + exec.err.window.kept();
    by_number_.erase(exec.number);
    by_key_.erase(each->second);
    each = ended_.erase(each);
  }
}

int Execs::tend() {
  const Time now = clock_.now();
  const bool resume = paused_ && make_room();
  std::optional<Time> next;
  const auto at = [&](Time time) { next = next ? std::min(*next, time) : time; };
  for (auto& [number, exec] : by_number_) {
    tend_one(*exec, now, at);
    if (resume)
      for (const Which which : {kOut, kErr})
        watch(*exec, which, exec->stream(which).window.room() > 0);
  }
  if (resume) paused_ = false;
  forget_spent(now, at);
  if (!next) return paused_ ? kPausedMs : -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
  const int ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 600'000));
  return paused_ ? std::min(ms, kPausedMs) : ms;
}

}  // namespace ionian::worker
