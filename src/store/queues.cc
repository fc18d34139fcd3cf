#include "store/queues.h"

#include <algorithm>

namespace ionian::store {
namespace {

std::optional<QueuePartition> find(View& view, const PartitionKey& key) {
  Rows rows = view.db().query(
      "SELECT number, next_item, items, bytes, expires_at FROM queue_partitions WHERE queue = ? "
      "AND key = ?",
      key.queue, Blob{key.key});
  if (!rows.next()) return std::nullopt;
  return QueuePartition{.number = rows.number(0),
                        .next_item = rows.number(1),
                        .items = rows.number(2),
                        .bytes = rows.number(3),
                        .expires_at = rows.time(4)};
}

void remove(Tx& tx, std::int64_t partition) {
  tx.db().run("DELETE FROM queue_items WHERE partition = ?", partition);
  tx.db().run("DELETE FROM queue_partitions WHERE number = ?", partition);
}

// Readers remember the number of the last item that they saw, also of a partition that is over by
// now: one that begins anew has higher ones. No partition gets a thousand items a millisecond.
std::int64_t first_number(Time now) { return to_unix_ms(now) << 10; }

struct New {
  std::int64_t number = 0, first_item = 0;
};
New make(Tx& tx, const PartitionKey& key, std::int64_t first_item, Time expires_at) {
  Rows rows = tx.db().query(
      "INSERT INTO queue_partitions (queue, key, next_item, items, bytes, expires_at) VALUES (?, "
      "?, ?, 0, 0, ?) RETURNING number",
      key.queue, Blob{key.key}, first_item, expires_at);
  const std::int64_t number = rows.next() ? rows.number(0) : 0;
  while (rows.next()) {
  }
  return {.number = number, .first_item = first_item};
}

New begin_anew(Tx& tx, const PartitionKey& key, Time now, Duration life) {
  const auto over = find(tx, key);
  if (over) remove(tx, over->number);
  return make(tx, key, std::max(over ? over->next_item : 1, first_number(now)), now + life);
}

void insert_item(Tx& tx, std::int64_t partition, std::int64_t number, std::string_view value) {
  tx.db().run("INSERT INTO queue_items (partition, number, value) VALUES (?, ?, ?)", partition,
              number, Blob{value});
}

}  // namespace

std::optional<QueuePartition> find_partition(View& view, const PartitionKey& key, Time now) {
  const auto found = find(view, key);
  return found && found->expires_at > now ? found : std::nullopt;
}

bool has_partitions(View& view, std::string_view queue, std::int64_t max, Time now) {
  const auto count = [](Rows rows) { return rows.next() ? rows.number(0) : 0; };
  // An index has all of them, and most queues are nowhere near.
  if (count(view.db().query("SELECT count(*) FROM queue_partitions WHERE queue = ?", queue)) < max)
    return false;
  return count(view.db().query(
             "SELECT count(*) FROM queue_partitions WHERE queue = ? AND expires_at > ?", queue,
             now)) >= max;
}

void put_items(Tx& tx, const PartitionKey& key, const std::optional<QueuePartition>& found,
               std::span<const std::string_view> values, Time now, Duration life) {
  const auto [partition, first] =
      found ? New{found->number, found->next_item} : begin_anew(tx, key, now, life);
  std::int64_t next = first, bytes = 0;
  for (const std::string_view value : values) {
    insert_item(tx, partition, next++, value);
    bytes += static_cast<std::int64_t>(value.size());
  }
  tx.db().run(
      "UPDATE queue_partitions SET next_item = ?, items = items + ?, bytes = bytes + ?, expires_at "
      "= ? WHERE number = ?",
      next, values.size(), bytes, now + life, partition);
}

std::vector<QueueItem> take_items(Tx& tx, const PartitionKey& key, Time now, std::int64_t max,
                                  std::size_t bytes) {
  const auto partition = find_partition(tx, key, now);
  if (!partition || partition->items == 0) return {};
  std::vector<QueueItem> taken = peek_items(tx, *partition, 0, max, bytes);
  if (taken.empty()) return {};
  std::int64_t size = 0;
  for (const QueueItem& item : taken) size += static_cast<std::int64_t>(item.value.size());
  tx.db().run("DELETE FROM queue_items WHERE partition = ? AND number <= ?", partition->number,
              taken.back().number);
  tx.db().run("UPDATE queue_partitions SET items = items - ?, bytes = bytes - ? WHERE number = ?",
              taken.size(), size, partition->number);
  return taken;
}

void give_back_items(Tx& tx, const PartitionKey& key, std::span<const QueueItem> items, Time now) {
  const auto found = find_partition(tx, key, now);
  // It has expired or was cleared since, and its items with it.
  if (!found || items.empty() || found->number != items.front().partition) return;
  std::int64_t bytes = 0;
  for (const QueueItem& item : items) {
    insert_item(tx, found->number, item.number, item.value);
    bytes += static_cast<std::int64_t>(item.value.size());
  }
  tx.db().run("UPDATE queue_partitions SET items = items + ?, bytes = bytes + ? WHERE number = ?",
              items.size(), bytes, found->number);
}

std::vector<QueueItem> peek_items(View& view, const QueuePartition& partition, std::int64_t after,
                                  std::int64_t max, std::size_t bytes) {
  Rows rows = view.db().query(
      "SELECT number, value FROM queue_items WHERE partition = ? AND number > ? ORDER BY number "
      "LIMIT ?",
      partition.number, after, max);
  std::vector<QueueItem> found;
  std::size_t sum = 0;
  while (rows.next()) {
    QueueItem item{.partition = partition.number, .number = rows.number(0), .value = rows.text(1)};
    sum += item.value.size();
    if (!found.empty() && sum > bytes) break;
    found.push_back(std::move(item));
  }
  return found;
}

QueueSize size_of_queue(View& view, std::string_view queue, Time now) {
  Rows rows = view.db().query(
      "SELECT count(*), coalesce(sum(items), 0) FROM queue_partitions WHERE queue = ? AND items > "
      "0 AND expires_at > ?",
      queue, now);
  if (!rows.next()) return {};
  return {.partitions = rows.number(0), .items = rows.number(1)};
}

// A partition stays, and goes on counting: readers' positions in it stay true. Its number does not,
// so that what was taken before does not come back to it.
#define CLEARED                                                                               \
  "INSERT OR REPLACE INTO queue_partitions (queue, key, next_item, items, bytes, expires_at)" \
  " SELECT queue, key, next_item, 0, 0, expires_at FROM queue_partitions WHERE queue = ?"

void clear_partition(Tx& tx, const PartitionKey& key) {
  const auto found = find(tx, key);
  if (!found) return;
  tx.db().run("DELETE FROM queue_items WHERE partition = ?", found->number);
  tx.db().run(CLEARED " AND key = ?", key.queue, Blob{key.key});
}

void clear_queue(Tx& tx, std::string_view queue) {
  tx.db().run(
      "DELETE FROM queue_items WHERE partition IN (SELECT number FROM queue_partitions WHERE "
      "queue = ?)",
      queue);
  tx.db().run(CLEARED, queue);
}

void remove_expired_partitions(Tx& tx, Time now, std::int64_t max) {
  struct Over {
    std::int64_t number = 0, left_ms = 0;
  };
  std::vector<Over> over;
  {
    Rows rows = tx.db().query(
        "SELECT p.number, p.expires_at - d.deleted_at FROM queue_partitions p LEFT JOIN deleted d "
        "ON d.id = p.queue WHERE p.expires_at <= ? AND p.expires_at > 0 LIMIT ?",
        now, max);
    while (rows.next()) over.push_back({.number = rows.number(0), .left_ms = rows.number(1)});
  }
  // The time that is left, below zero, is none that the next sweep would look at again.
  for (const auto& [number, left_ms] : over)
    if (left_ms > 0)
      tx.db().run("UPDATE queue_partitions SET expires_at = ? WHERE number = ?", -left_ms, number);
    else
      remove(tx, number);
}

void resume_partitions(Tx& tx, std::string_view queue, Time set_aside_at, Time now) {
  tx.db().run(
      "UPDATE queue_partitions SET expires_at = CASE WHEN expires_at < 0 THEN -expires_at ELSE "
      "expires_at - ? END + ? WHERE queue = ?",
      set_aside_at, now, queue);
}

}  // namespace ionian::store
