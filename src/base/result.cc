#include "base/result.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ionian {

std::unexpected<Status> sys_fail(std::string_view attempted) { return sys_fail(attempted, errno); }

std::unexpected<Status> sys_fail(std::string_view attempted, int error) {
  char buffer[128];
  const char* text = strerror_r(error, buffer, sizeof buffer);
  Code code = Code::kInternal;
  if (error == ENOENT) code = Code::kNotFound;
  if (error == EACCES || error == EPERM) code = Code::kPermissionDenied;
  if (error == ENOSPC || error == EMFILE || error == ENFILE || error == ENOMEM)
    code = Code::kResourceExhausted;
  return fail(code, attempted, ": ", text);
}

std::unexpected<Status> prepend(std::string_view doing, Status status) {
  return fail(status.code, doing, ": ", status.message);
}

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 17> names = {"OK",
                                                             "CANCELLED",
                                                             "UNKNOWN",
                                                             "INVALID_ARGUMENT",
                                                             "DEADLINE_EXCEEDED",
                                                             "NOT_FOUND",
                                                             "ALREADY_EXISTS",
                                                             "PERMISSION_DENIED",
                                                             "RESOURCE_EXHAUSTED",
                                                             "FAILED_PRECONDITION",
                                                             "ABORTED",
                                                             "OUT_OF_RANGE",
                                                             "UNIMPLEMENTED",
                                                             "INTERNAL",
                                                             "UNAVAILABLE",
                                                             "DATA_LOSS",
                                                             "UNAUTHENTICATED"};
  return names.at(static_cast<std::size_t>(code));
}

void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "ionian: broken invariant at %s:%d: %s\n", file, line, what);
  std::abort();
}

}  // namespace ionian
