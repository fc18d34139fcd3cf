#include "base/core_files.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace ionian {
namespace {

TEST(CoreFilesDeathTest, NoneIsWrittenAndNoneGoesThroughAPipe) {
  const auto is_forbidden = [] {
    forbid_core_files();
    rlimit limit;
    return ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 1 &&
           ::prctl(PR_GET_DUMPABLE) == 0;
  };
  EXPECT_EXIT(::_exit(is_forbidden() ? 42 : 1), testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace ionian
