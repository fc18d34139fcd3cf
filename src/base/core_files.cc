#include "base/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"

namespace ionian {

void forbid_core_files() {
  const rlimit none{0, 0};
  // A program that takes core files through a pipe gets them whatever the limit is.
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
    log::warning("core files could not be forbidden, and would hold secrets");
}

}  // namespace ionian
