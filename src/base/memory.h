#pragma once
// The machine's memory, in bytes; zeros where /proc does not tell.
#include <cstdint>

namespace ionian {

struct MachineMemory {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  // without swapping

  // What is kept for later is to give way.
  bool is_short() const { return available < total / 10; }
};
MachineMemory read_memory();

}  // namespace ionian
