#pragma once
// How much queues, dicts and secrets take, as `ionian serve` is told.
#include <cstdint>

#include "base/clock.h"

namespace ionian::services {

struct DataLimits {
  std::int64_t queue_items = 5000;  // of a partition
  std::size_t queue_item_bytes = 1 << 20;
  std::size_t queue_partition_bytes = 64 << 20;
  std::int64_t queue_partitions = 100'000;
  Duration queue_partition_life = 24h;  // after its last put, where that does not say
  int dict_updates = 10'000;            // entries of one update
  std::size_t dict_value_bytes = 100 << 20;
  std::size_t secret_bytes = 1 << 20;  // its names and values together
};

}  // namespace ionian::services
