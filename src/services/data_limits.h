#pragma once
// How much queues, dicts, secrets and cloud buckets take, as `ionian serve` is told.
#include <cstdint>

#include "base/clock.h"

namespace ionian::services {

struct DataLimits {
  std::int64_t queue_items = 5000;  // of a partition
  std::size_t queue_item_bytes = 1 << 20;
  std::size_t queue_partition_bytes = 64 << 20;
  std::int64_t queue_partitions = 100'000;
  Duration queue_partition_life = 24h;  // after its last put, where that does not say
  std::size_t queue_waiters = 100'000;  // calls that wait for items, of all queues
  int dict_updates = 10'000;            // entries of one update
  std::size_t dict_value_bytes = 100 << 20;
  std::size_t secret_bytes = 1 << 20;  // its names and values together
  int function_buckets = 8;            // that one function mounts
  // Replies to puts and takes, for clients that ask again: the newest, and so much of the disk.
  std::int64_t kept_replies = 100'000;
  std::int64_t kept_reply_bytes = 1 << 30;
};

}  // namespace ionian::services
