#pragma once
// What functions may ask for, as `ionian serve` is told.
#include <cstdint>

#include "base/clock.h"

namespace ionian::services {

struct FunctionLimits {
  std::uint32_t map_inputs = 1'000;        // of a map that its client may have under way
  std::uint32_t timeout_seconds = 86'400;  // of timeout and of startup_timeout
  std::uint32_t disk_mib = 3 << 20;        // of ephemeral_disk
  // That a question for results waits: whoever asks again in time is there.
  Duration longest_wait = 200s;
};

}  // namespace ionian::services
