#pragma once
// Runs one of the host's programs (pip, mmdebstrap, skopeo) to its end.
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ionian::images {

struct Command {
  std::vector<std::string> args;  // args[0] is looked up on PATH
  // "NAME=value" lines that are added to, or replace those of, this process's environment.
  std::vector<std::string> env;
  std::string workdir;  // "" = this process's
  // Called on the caller's thread with what arrives; fd is 1 or 2.
  std::function<void(int fd, std::string_view text)> on_output;
  const std::atomic<bool>* cancelled =
      nullptr;  // its whole process group is killed once this is true
  // Asked ten times a second: its whole process group is killed at a failure, which is the call's.
  std::function<Result<void>()> allowed;
};

struct Exit {
  int code = 0;      // 128 + signal if a signal ended it
  std::string out;   // the first MiB of stdout
  std::string tail;  // the last 8 KiB of both
};

// NOT_FOUND if there is no such program, CANCELLED, INTERNAL. A program that fails is a success of
// this call.
Result<Exit> run_command(const Command& command);

// The same, but an exit code other than 0 is FAILED_PRECONDITION with the last output in its
// message. `doing` says what for: "download modal 1.6.4".
Result<Exit> run_or_fail(std::string_view doing, const Command& command);

}  // namespace ionian::images
