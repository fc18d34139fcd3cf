#include "base/memory.h"

#include <cstdlib>

#include "base/cat.h"
#include "base/file.h"

namespace ionian {

MachineMemory read_memory() {
  const std::string text = read_file("/proc/meminfo").value_or("");
  const auto bytes_of = [&](std::string_view name) -> std::uint64_t {
    const std::size_t at = text.find(name);
    return at == std::string::npos
               ? 0
               : std::strtoull(text.c_str() + at + name.size(), nullptr, 10) << 10;
  };
  return {.total = bytes_of("MemTotal:"), .available = bytes_of("MemAvailable:")};
}

}  // namespace ionian
