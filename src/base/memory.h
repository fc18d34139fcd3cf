#pragma once
// The machine's memory, in bytes; zeros where /proc does not tell.
#include <cstdint>

namespace ionian {

struct MachineMemory {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  // without swapping
};
MachineMemory read_memory();

}  // namespace ionian
