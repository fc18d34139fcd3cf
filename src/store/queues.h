#pragma once
// The items of queues, by partition, in the order in which they came. A partition whose time is up
// is empty, whether or not it has been removed yet.
#include <span>
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct QueuePartition {
  std::int64_t number = 0;  // of the partition: another one after each clearing
  std::int64_t next_item = 0;
  std::int64_t items = 0, bytes = 0;
  Time expires_at;
};
// One of a queue, by its key of bytes.
struct PartitionKey {
  std::string queue, key;
  auto operator<=>(const PartitionKey&) const = default;
};
struct QueueItem {
  std::int64_t partition = 0, number = 0;
  std::string value;
};

// nullopt: it is empty and was never used, or its time is up.
std::optional<QueuePartition> find_partition(View& view, const PartitionKey& key, Time now);
// Whether so many of them, or more, are not over yet.
bool has_partitions(View& view, std::string_view queue, std::int64_t max, Time now);

// `found` is what find_partition has said. Keeps the partition for at least `life` from now.
void put_items(Tx& tx, const PartitionKey& key, const std::optional<QueuePartition>& found,
               std::span<const std::string_view> values, Time now, Duration life);
// Removes up to `max` items, the oldest first, and no more than `bytes` after the first.
std::vector<QueueItem> take_items(Tx& tx, const PartitionKey& key, Time now, std::int64_t max,
                                  std::size_t bytes);
// Items that nobody got: they are where they were, but for those that would have been cleared.
void give_back_items(Tx& tx, const PartitionKey& key, std::span<const QueueItem> items, Time now);
// Those after the item `after`, left where they are.
std::vector<QueueItem> peek_items(View& view, const QueuePartition& partition, std::int64_t after,
                                  std::int64_t max, std::size_t bytes);

struct QueueSize {
  std::int64_t partitions = 0, items = 0;
};
// Partitions that hold something.
QueueSize size_of_queue(View& view, std::string_view queue, Time now);
void clear_partition(Tx& tx, const PartitionKey& key);
void clear_queue(Tx& tx, std::string_view queue);
// Of all queues, at most `max`. One of a queue that is set aside keeps what time it had left.
void remove_expired_partitions(Tx& tx, Time now, std::int64_t max);
// The queue is back, and its partitions have as long to go as they had when it was set aside.
void resume_partitions(Tx& tx, std::string_view queue, Time set_aside_at, Time now);

}  // namespace ionian::store
