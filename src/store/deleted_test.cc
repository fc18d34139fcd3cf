// What was deleted and may come back, without a server.
#include "store/deleted.h"
#include "store/data_fixture.h"
#include "store/dicts.h"

namespace ionian::store {
namespace {

class DeletedTest : public DataTest {
 protected:
  void insert_other_environment(Tx& tx) {
    insert_environment_of(tx, kWorkspace, EnvironmentId("en-2"), "other", now_);
  }
};

TEST_F(DeletedTest, WhatWasDeletedComesBackWithAllThatWasInIt) {
  const KeepDeleted keep;
  write([&](Tx& tx) {
    put_items(tx, {.queue = "qu-1", .key = ""}, std::nullopt, std::vector<std::string_view>{"x"},
              now_, 24h);
    delete_object(tx, *find_object(tx, kWorkspace, "queue", "qu-1"), keep, now_);
    EXPECT_FALSE(find_object(tx, kWorkspace, "queue", "qu-1"));
    EXPECT_FALSE(find_named_object(tx, kEnvironment, "queue", "jobs"));
    auto deleted = find_deleted(tx, "qu-1");
    ASSERT_TRUE(deleted);
    deleted->object.name = "jobs again";
    put_back(tx, *deleted, now_);
    EXPECT_FALSE(find_deleted(tx, "qu-1"));
    ASSERT_TRUE(find_named_object(tx, kEnvironment, "queue", "jobs again"));
    EXPECT_EQ(size_of_queue(tx, "qu-1", now_).items, 1);
  });
}

TEST_F(DeletedTest, WhatIsInADeletedQueueDoesNotAge) {
  const auto left = [&](Tx& tx) { return find_partition(tx, kKey, now_)->expires_at - now_; };
  write([&](Tx& tx) {
    put(tx, {"x"}, 3h);
    put_items(tx, {.queue = "qu-1", .key = "over"}, std::nullopt,
              std::vector<std::string_view>{"y"}, now_, 1h);
    now_ += 2h;
    delete_object(tx, *find_object(tx, kWorkspace, "queue", "qu-1"), {}, now_);
    now_ += 30min;  // the partition has half an hour left by its own count
    put_back(tx, *find_deleted(tx, "qu-1"), now_);
    EXPECT_EQ(left(tx), 1h);
    delete_object(tx, *find_object(tx, kWorkspace, "queue", "qu-1"), {}, now_);
    now_ += 6 * 24h;
    for (int sweep = 0; sweep < 3; ++sweep) remove_expired_partitions(tx, now_, 1);
    put_back(tx, *find_deleted(tx, "qu-1"), now_);
    EXPECT_EQ(left(tx), 1h);
    EXPECT_EQ(size_of_queue(tx, "qu-1", now_).items, 1);
    EXPECT_EQ(records(tx), 1) << "the other one was over before";
    now_ += 1h;
    remove_expired_partitions(tx, now_, 10);
    EXPECT_EQ(records(tx), 0);
  });
}

TEST_F(DeletedTest, WhatIsInADeletedDictDoesNotAge) {
  constexpr Duration kLife = 24h;
  const auto sweep = [&](Tx& tx) {
    for (int i = 0; i < 3; ++i) remove_unused_entries(tx, now_ - kLife, 1, {"kept"}, now_);
  };
  const auto entries = [&](Tx& tx) { return count_entries(tx, "di-1", now_ - kLife, 100); };
  write([&](Tx& tx) {
    put_entry(tx, "di-1", "old", "1", now_);
    now_ += 20h;
    put_entry(tx, "di-1", "in use", "2", now_);
    now_ += 10h;
    delete_object(tx, *find_object(tx, kWorkspace, "dict", "di-1"), {}, now_);
    now_ += 6 * 24h;
    sweep(tx);
    put_back(tx, *find_deleted(tx, "di-1"), now_);
    EXPECT_EQ(entries(tx), 1);
    EXPECT_TRUE(find_entry(tx, "di-1", "in use", now_ - kLife));
    // Without a sweep in between the time is as it was.
    delete_object(tx, *find_object(tx, kWorkspace, "dict", "di-1"), {}, now_);
    now_ += 6 * 24h;
    put_back(tx, *find_deleted(tx, "di-1"), now_);
    EXPECT_EQ(entries(tx), 1);
    now_ += 2 * kLife;
    EXPECT_EQ(entries(tx), 0);
  });
}

TEST_F(DeletedTest, WhereEntriesStayForEverThoseOfDeletedDictsDoToo) {
  const auto left_if_kept_in = [&](const std::string& environment) {
    std::int64_t left = 0;
    write([&](Tx& tx) {
      tx.db().run("SAVEPOINT one_of_two");
      insert_other_environment(tx);
      put_entry(tx, "di-1", "old", "1", now_);
      delete_environment(tx, kEnvironment, {}, now_ + 48h);
      remove_unused_entries(tx, now_ + 25h, 10, {environment}, now_ + 49h);
      left = count_entries(tx, "di-1", {}, 10);
      tx.db().run("ROLLBACK TO one_of_two");
    });
    return left;
  };
  EXPECT_EQ(left_if_kept_in("main"), 1);
  EXPECT_EQ(left_if_kept_in("other"), 0) << "its record has moved there, and nothing else";
}

TEST_F(DeletedTest, WhatWasDeletedGoesForGoodWhenItsTimeHasCome) {
  write([&](Tx& tx) {
    insert_other_environment(tx);
    delete_environment(tx, kEnvironment, {}, now_);
    EXPECT_EQ(find_deleted(tx, "di-1")->environment_name, "main");
    EXPECT_EQ(list_deleted(tx, 0, 10).size(), 2u);
    // A page goes on below the last one, also where all were deleted at once.
    const std::vector<Deleted> first = list_deleted(tx, 0, 1);
    const std::vector<Deleted> second = list_deleted(tx, first.back().number, 1);
    EXPECT_NE(first.back().object.id, second.back().object.id);
    EXPECT_TRUE(list_deleted(tx, second.back().number, 1).empty());
    EXPECT_EQ(purge_deleted(tx, now_, {}, 10), 0);
    EXPECT_EQ(purge_deleted(tx, now_ + 1ms, {}, 1), 1);
    EXPECT_EQ(purge_deleted(tx, now_ + 1ms, {}, 10), 1);
    EXPECT_TRUE(list_deleted(tx, 0, 10).empty());
    EXPECT_EQ(size_of_queue(tx, "qu-1", now_).items, 0);
  });
}

TEST_F(DeletedTest, TheOldestOfTheWantedKindsGoFirst) {
  write([&](Tx& tx) {
    const Time later = now_ + 1h;
    delete_object(tx, *find_object(tx, kWorkspace, "queue", "qu-1"), {}, later);
    delete_object(tx, *find_object(tx, kWorkspace, "dict", "di-1"), {}, now_);
    EXPECT_EQ(purge_deleted(tx, later + 1ms, {"volume", "nfs"}, 10), 0);
    EXPECT_EQ(purge_deleted(tx, later + 1ms, {"queue", "dict"}, 1), 1);
    EXPECT_FALSE(find_deleted(tx, "di-1"));
    EXPECT_TRUE(find_deleted(tx, "qu-1"));
    EXPECT_EQ(purge_deleted(tx, later + 1ms, {"dict"}, 10), 0);
  });
}

}  // namespace
}  // namespace ionian::store
