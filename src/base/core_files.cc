#include "base/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"

namespace ionian {

bool limit_core_files() {
  // A file of one byte is none. To a program that takes core files through a pipe, limits are
  // nothing, but for this one.
  const rlimit none{1, 1};
  if (::setrlimit(RLIMIT_CORE, &none) == 0) return true;
  // Who may not raise a limit of nothing has it already.
  rlimit now;
  return ::getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0;
}

void forbid_core_files() {
  if (!limit_core_files() || ::prctl(PR_SET_DUMPABLE, 0) != 0)
    log::warning("core files could not be forbidden, and would hold secrets");
}

}  // namespace ionian
