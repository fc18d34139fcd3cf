#include "rpc/fd_numbers.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace ionian::rpc {

FdNumbers::FdNumbers(int first, int count)
    : first_(first), slots_(static_cast<std::size_t>(count)) {
  for (int i = 0; i < count; ++i) free_.push_back(first + i);
}

std::optional<int> FdNumbers::number_of(const std::string& peer) {
  if (!peer.starts_with("fd:")) return std::nullopt;
  int number = 0;
  const char* end = peer.data() + peer.size();
  const auto [rest, error] = std::from_chars(peer.data() + 3, end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

FdNumbers::Slot* FdNumbers::slot(int number) {
  const auto index = static_cast<std::size_t>(number - first_);
  return number >= first_ && index < slots_.size() ? &slots_[index] : nullptr;
}

bool FdNumbers::reusable(int number, const Slot& slot) const {
  return slot.calls == 0 && ::fcntl(number, F_GETFD) < 0 && errno == EBADF;
}

Result<int> FdNumbers::assign(UniqueFd connection, const TaskId& task) {
  std::lock_guard lock(mutex_);
  // Connections of this task that gRPC has closed give their numbers' names back first.
  std::vector<int>& own = of_task_[task];
  std::erase_if(own, [&](int number) {
    if (!reusable(number, *slot(number))) return false;
    *slot(number) = {};
    return true;
  });
  if (own.size() >= kPerTaskMax)
    return fail(Code::kResourceExhausted, task, " has ", kPerTaskMax, " connections already");
  for (std::size_t tries = free_.size(); tries > 0; --tries) {
    const int number = free_.front();
    free_.pop_front();
    free_.push_back(number);
    Slot& candidate = *slot(number);
    if (!reusable(number, candidate)) continue;
    if (candidate.assigned) std::erase(of_task_[candidate.task], number);
    const int got = ::fcntl(connection.get(), F_DUPFD_CLOEXEC, number);
    if (got < 0) return sys_fail(cat("move a connection to number ", number));
    if (got != number) {  // somebody opened it in between; theirs it stays
      ::close(got);
      continue;
    }
    candidate = {.task = task, .calls = 0, .assigned = true};
    of_task_[task].push_back(number);
    return number;
  }
  return fail(Code::kResourceExhausted, "all ", slots_.size(), " container connections are in use");
}

Result<int> FdNumbers::admit(UniqueFd connection) const {
  if (const_cast<FdNumbers*>(this)->slot(connection.get()))
    return fail(Code::kResourceExhausted, "a connection was closed: ", first_,
                " files and connections are open beside those of containers");
  return connection.release();
}

std::optional<TaskId> FdNumbers::task_of(const std::string& peer) const {
  const std::optional<int> number = number_of(peer);
  if (!number) return std::nullopt;
  std::lock_guard lock(mutex_);
  const Slot* slot = const_cast<FdNumbers*>(this)->slot(*number);
  if (!slot || !slot->assigned) return std::nullopt;
  return slot->task;
}

void FdNumbers::call_began(const std::string& peer) {
  const std::optional<int> number = number_of(peer);
  if (!number) return;
  std::lock_guard lock(mutex_);
  if (Slot* s = slot(*number)) ++s->calls;
}

void FdNumbers::call_ended(const std::string& peer) {
  const std::optional<int> number = number_of(peer);
  if (!number) return;
  std::lock_guard lock(mutex_);
  if (Slot* s = slot(*number)) --s->calls;
}

void FdNumbers::forget(const TaskId& task) {
  std::lock_guard lock(mutex_);
  const auto it = of_task_.find(task);
  if (it == of_task_.end()) return;
  for (int number : it->second) {
    Slot& s = *slot(number);
    s.task = TaskId();
    s.assigned = false;
  }
  of_task_.erase(it);
}

}  // namespace ionian::rpc
