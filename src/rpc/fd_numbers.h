#pragma once
// File numbers as names of connections.
//
// gRPC tells a handler only the number of the descriptor that a call came by (peer() = "fd:N"), so
// the number says which container is calling. A number must therefore never change hands while a
// call of its former connection is still being answered: it goes to the tail of a queue, and is
// used again only when gRPC has closed it and no call of it is in the pipeline. Numbers are finite
// (RLIMIT_NOFILE), so they are reused, oldest first.
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::rpc {

class FdNumbers {
 public:
  // A task has at most this many connections at a time.
  static constexpr int kPerTaskMax = 16;

  // Numbers first … first+count-1. The process may open files of these numbers otherwise, but
  // gives gRPC no connection that has come here by neither assign() nor admit().
  FdNumbers(int first, int count);

  // Moves an accepted connection of `task` to a number of its own and returns that number, which
  // gRPC will own. RESOURCE_EXHAUSTED if the task has too many connections, or no number is free.
  Result<int> assign(UniqueFd connection, const TaskId& task);

  // The number of a connection that is no task's, which gRPC will own. RESOURCE_EXHAUSTED, and it
  // is closed, if that number would name a task: then all others are in use.
  Result<int> admit(UniqueFd connection) const;

  // Whose connection a peer ("fd:4711") is; nullopt for other peers and for numbers that name
  // nobody.
  std::optional<TaskId> task_of(const std::string& peer) const;

  // Brackets a call that came by `peer`; does nothing for other peers.
  void call_began(const std::string& peer);
  void call_ended(const std::string& peer);

  // The task is over: its numbers name nobody from now on.
  void forget(const TaskId& task);

 private:
  struct Slot {
    TaskId task;
    int calls = 0;
    bool assigned = false;
  };
  static std::optional<int> number_of(const std::string& peer);
  Slot* slot(int number);
  bool reusable(int number, const Slot& slot) const;

  const int first_;
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  std::deque<int> free_;  // oldest first; may hold numbers that gRPC has not closed yet
  std::unordered_map<TaskId, std::vector<int>> of_task_;
};

}  // namespace ionian::rpc
