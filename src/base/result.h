#pragma once
// Status and Result: how every function of ours reports failure. No exception of ours crosses a
// function.
#include <expected>
#include <string>
#include <utility>

#include "base/cat.h"

namespace ionian {

// gRPC's codes, with gRPC's numbers: a Status travels to the client unchanged.
enum class Code {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// A code and a message for the person who meets it: what was attempted, on which object, why it
// failed.
struct [[nodiscard]] Status {
  Code code = Code::kOk;
  std::string message;

  bool ok() const { return code == Code::kOk; }
  static Status ok_status() { return {}; }
  friend bool operator==(const Status&, const Status&) = default;
};

template <class T>
using Result = std::expected<T, Status>;

// fail(Code::kNotFound, "app ", id, " does not exist"): the error of any Result.
template <class... Parts>
std::unexpected<Status> fail(Code code, const Parts&... parts) {
  return std::unexpected(Status{code, cat(parts...)});
}

// An error with the text of errno behind it: sys_fail("mount /proc").
std::unexpected<Status> sys_fail(std::string_view attempted);
std::unexpected<Status> sys_fail(std::string_view attempted, int error);

// Prepends what a layer was doing; each layer may do so once.
std::unexpected<Status> prepend(std::string_view doing, Status status);

// The name of a code as gRPC writes it: "NOT_FOUND".
std::string_view code_name(Code code);

// Ends the process: the program itself is wrong, and going on would make it worse.
[[noreturn]] void check_failed(const char* what, const char* file, int line);

}  // namespace ionian

#define IONIAN_CONCAT_INNER(a, b) a##b
#define IONIAN_CONCAT(a, b) IONIAN_CONCAT_INNER(a, b)

// Returns the error of `expression` (a Result) from the calling function, if it has one.
#define TRY(expression)                                           \
  do {                                                            \
    if (auto try_result = (expression); !try_result) [[unlikely]] \
      return std::unexpected(std::move(try_result).error());      \
  } while (false)

// ASSIGN_OR_RETURN(auto x, f()): the value of f(), or its error from the calling function.
#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(target, (expression), IONIAN_CONCAT(assign_result_, __LINE__))
#define ASSIGN_OR_RETURN_INNER(target, expression, name) \
  auto name = expression;                                \
  if (!name) [[unlikely]]                                \
    return std::unexpected(std::move(name).error());     \
  target = *std::move(name)

// A condition that only a mistake of the programmer can break.
#define CHECK(condition) \
  ((condition) ? (void)0 : ::ionian::check_failed(#condition, __FILE__, __LINE__))
