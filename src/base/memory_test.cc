#include "base/memory.h"

#include <gtest/gtest.h>

namespace ionian {
namespace {

TEST(Memory, IsShortBelowATenth) {
  EXPECT_TRUE((MachineMemory{.total = 1000, .available = 99}.is_short()));
  EXPECT_FALSE((MachineMemory{.total = 1000, .available = 100}.is_short()));
  EXPECT_FALSE(MachineMemory().is_short()) << "where /proc does not tell";
}

TEST(Memory, IsThatOfThisMachine) {
  const MachineMemory memory = read_memory();
  EXPECT_GT(memory.total, 64u << 20);
  EXPECT_GT(memory.available, 0u);
  EXPECT_LT(memory.available, memory.total);
}

}  // namespace
}  // namespace ionian
