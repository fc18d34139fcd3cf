#pragma once
// A process that this one traces: it stands still, and makes system calls that are put into it.
// x86-64 only.
#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace ionian::container {

#if defined(__x86_64__)
inline constexpr bool kCanTrace = true;
using Registers = user_regs_struct;
#else
inline constexpr bool kCanTrace = false;
struct Registers {};
#endif

class Tracee {
 public:
  // Begins to trace a process that runs, and stops it.
  static Result<Tracee> seize(pid_t pid);
  // The child that a tracee has just made: it is traced from its birth, and dies with its tracer.
  // The filter of system calls that it has inherited does not count while it is.
  static Result<Tracee> child(pid_t pid);

  pid_t pid() const { return pid_; }

  // Lets it run up to its next fork(), of which the kernel has seen nothing yet.   errors
  // FAILED_PRECONDITION it forks by another call, or ends
  Result<Registers> run_to_fork();
  // From there: has it make that child with `flags` for the flags of clone(). Both then stand
  // still.
  //   out  the child's number
  Result<pid_t> fork_with(const Registers& at_fork, std::uint64_t flags);

  // Makes a system call in it, whose instruction stands where `at_fork` was taken. An error of the
  // call is sys_fail(what).
  using Arguments = std::array<std::uint64_t, 5>;
  Result<long> call(const Registers& at_fork, const char* what, long number,
                    const Arguments& arguments);
  // The same for clone() or clone3(): the child's number.
  Result<pid_t> clone(const Registers& at_fork, long number, const Arguments& arguments);
  // Memory below its stack that nothing of its own stands in; at most 128 bytes.
  //   out  where it is
  Result<std::uint64_t> put(const Registers& at_fork, std::span<const std::uint64_t> words);

  // Lets it go on where `at_fork` was taken, as the child that fork() has made.
  Result<void> go_on_as_child(const Registers& at_fork);
  // Lets it go on.
  Result<void> let_go();
  // Kills it and waits for its end.
  void kill();

 private:
  explicit Tracee(pid_t pid) : pid_(pid) {}
  Result<int> wait();  // its next stop: a wait status
  Result<void> resume(int request, int signo = 0);
  Result<void> wait_for(int stop);
  Result<pid_t> new_child();
  Result<void> begin(const Registers& at_fork, long number, const Arguments& arguments);

  pid_t pid_;
};

}  // namespace ionian::container
