#pragma once
// A workspace with an environment, a queue and a dict, for tests.
#include "store/objects.h"
#include "store/queues.h"
#include "store/store_fixture.h"

namespace ionian::store {

class DataTest : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    write([&](Tx& tx) {
      insert_place(tx, kWorkspace, kEnvironment, now_);
      make(tx, "queue", "qu-1", "jobs");
      make(tx, "dict", "di-1", "settings");
    });
  }
  void make(Tx& tx, const std::string& kind, const std::string& id, const std::string& name) {
    DataObject object{.id = id,
                      .kind = kind,
                      .workspace = kWorkspace,
                      .environment = kEnvironment,
                      .name = name,
                      .created_by = "",
                      .created_at = now_};
    insert_object(tx, object);
  }
  void put(Tx& tx, std::vector<std::string_view> values, Duration life = 24h) {
    put_items(tx, kKey, find_partition(tx, kKey, now_), values, now_, life);
  }
  // Of partitions, those that are over too.
  static std::int64_t records(Tx& tx) {
    Rows rows = tx.db().query("SELECT count(*) FROM queue_partitions");
    return rows.next() ? rows.number(0) : 0;
  }
  static std::string text(const std::vector<QueueItem>& items) {
    std::string all;
    for (const QueueItem& item : items) all += item.value + ' ';
    return all;
  }

  const WorkspaceId kWorkspace{"ac-1"};
  const EnvironmentId kEnvironment{"en-1"};
  const PartitionKey kKey{.queue = "qu-1", .key = std::string("\0p", 2)};
  Time now_ = from_unix_ms(1'800'000'000'000);
};

}  // namespace ionian::store
