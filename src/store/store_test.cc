#include "store/store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <future>
#include <thread>

#include "base/file.h"
#include "base/test_folder.h"
#include "store/schema.h"

namespace ionian::store {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    open();
    EXPECT_TRUE(store->write_now([](Tx& tx) -> Result<void> {
      tx.db().run("CREATE TABLE t (k INTEGER PRIMARY KEY, b BLOB) STRICT");
      return {};
    }));
  }
  void open() {
    auto opened = Store::open(folder.path(), *Store::lock(folder.path()));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store = std::move(*opened);
  }
  static Work insert(int k) {
    return [k](Tx& tx) -> Result<void> {
      tx.db().run("INSERT INTO t (k) VALUES (?)", k);
      return {};
    };
  }
  std::int64_t count() {
    return store->read([](View& view) {
      Rows rows = view.db().query("SELECT count(*) FROM t");
      return rows.next() ? rows.number(0) : -1;
    });
  }

  // Keeps the writer at work until `open_gate` is called, so that what comes meanwhile is one
  // batch.
  void close_gate() {
    auto entered = std::make_shared<std::promise<void>>();
    store->write(
        [this, entered](Tx&) -> Result<void> {
          entered->set_value();
          gate_.get_future().wait();
          return {};
        },
        {});
    entered->get_future().wait();
  }
  void open_gate() { gate_.set_value(); }

  const TestFolder folder{"store"};
  std::unique_ptr<Store> store;

 private:
  std::promise<void> gate_;
};

TEST_F(StoreTest, WhatIsWrittenIsReadByEveryReader) {
  for (int k = 0; k < 20; ++k) {
    ASSERT_TRUE(store->write_now(insert(k)));
    ASSERT_EQ(count(), k + 1);
  }
  std::promise<std::int64_t> later;
  store->read_later([&](View& view) {
    Rows rows = view.db().query("SELECT max(k) FROM t");
    later.set_value(rows.next() ? rows.number(0) : -1);
  });
  EXPECT_EQ(later.get_future().get(), 19);
}

TEST_F(StoreTest, ManyWritesShareOneCommit) {
  const std::uint64_t before = store->commits();
  close_gate();
  std::vector<std::promise<Result<void>>> done(500);
  for (int k = 0; k < 500; ++k)
    store->write(insert(k),
                 [&done, k](Result<void> r) { done[static_cast<std::size_t>(k)].set_value(r); });
  open_gate();
  for (auto& one : done) EXPECT_TRUE(one.get_future().get());
  EXPECT_EQ(count(), 500);
  EXPECT_EQ(store->commits() - before, 2u);  // the gate's own, and one for all
}

TEST_F(StoreTest, NobodyIsToldBeforeTheCommit) {
  close_gate();
  std::promise<std::uint64_t> told;
  const std::uint64_t before = store->commits();
  store->write(insert(1), [&](Result<void>) { told.set_value(store->commits()); });
  open_gate();
  EXPECT_EQ(told.get_future().get(), before + 2);
}

TEST_F(StoreTest, AWorkThatFailsIsUndoneAlone) {
  close_gate();
  std::promise<Result<void>> good, refused, broken, after;
  const auto tell = [](std::promise<Result<void>>& to) {
    return [&to](Result<void> r) { to.set_value(std::move(r)); };
  };
  store->write(insert(1), tell(good));
  store->write(
      [](Tx& tx) -> Result<void> {
        tx.db().run("INSERT INTO t (k) VALUES (2)");
        return fail(Code::kAborted, "thought better of it");
      },
      tell(refused));
  store->write(
      [](Tx& tx) -> Result<void> {
        tx.db().run("INSERT INTO t (k) VALUES (3)");
        tx.db().run("INSERT INTO t (k) VALUES (1)");  // there is one
        tx.db().run("INSERT INTO t (k) VALUES (4)");
        return {};
      },
      tell(broken));
  store->write(insert(5), tell(after));
  open_gate();
  EXPECT_TRUE(good.get_future().get());
  EXPECT_EQ(refused.get_future().get().error().code, Code::kAborted);
  EXPECT_EQ(broken.get_future().get().error().code, Code::kInternal);
  EXPECT_TRUE(after.get_future().get());
  EXPECT_EQ(count(), 2);
}

// SQLite undoes the whole transaction when the disk is full: nobody in it may be told of a success.
TEST_F(StoreTest, AFullDiskFailsWhatSharesItsCommitAndTheStoreGoesOn) {
  ASSERT_TRUE(store->write_now([](Tx& tx) -> Result<void> {
    tx.db().run("PRAGMA max_page_count = 1");
    return {};
  }));
  close_gate();
  std::promise<Result<void>> before, large, after;
  const auto tell = [](std::promise<Result<void>>& to) {
    return [&to](Result<void> r) { to.set_value(std::move(r)); };
  };
  store->write(insert(1), tell(before));
  store->write(
      [](Tx& tx) -> Result<void> {
        tx.db().run("INSERT INTO t VALUES (2, ?)", Blob{std::string(1 << 20, 'x')});
        return {};
      },
      tell(large));
  store->write(insert(3), tell(after));
  open_gate();
  EXPECT_EQ(before.get_future().get().error().code, Code::kResourceExhausted);
  EXPECT_EQ(large.get_future().get().error().code, Code::kResourceExhausted);
  EXPECT_TRUE(after.get_future().get());
  EXPECT_EQ(count(), 1);
}

TEST_F(StoreTest, WritesThatWereQueuedAreDoneWhenTheStoreCloses) {
  for (int k = 0; k < 100; ++k) store->write(insert(k), {});
  store.reset();
  open();
  EXPECT_EQ(count(), 100);
}

TEST_F(StoreTest, TheNextTransactionDoesNotWaitUntilAllAreTold) {
  std::promise<void> batch_runs, next_runs, all_told;
  std::vector<int> told;
  close_gate();
  store->write(insert(1), [&](Result<void>) {
    next_runs.get_future().wait();
    told.push_back(1);
  });
  store->write(insert(2), [&](Result<void>) { told.push_back(2); });
  store->write(
      [&](Tx&) -> Result<void> {
        batch_runs.set_value();
        return {};
      },
      [&](Result<void>) { told.push_back(3); });
  open_gate();
  batch_runs.get_future().wait();
  store->write(
      [&](Tx&) -> Result<void> {
        next_runs.set_value();
        return {};
      },
      [&](Result<void>) { told.push_back(4), all_told.set_value(); });
  all_told.get_future().wait();
  EXPECT_EQ(told, (std::vector{1, 2, 3, 4}));
}

TEST_F(StoreTest, WhoIsToldWhileTheStoreClosesMayWriteAgain) {
  int told = 0;
  Store* const closing = store.get();
  close_gate();
  for (int k = 1; k <= 8; ++k)
    store->write(insert(k), [&told, closing, k](Result<void>) {
      closing->write(insert(100 + k), [&told](Result<void> done) { told += done.has_value(); });
    });
  open_gate();
  store.reset();
  EXPECT_EQ(told, 8);
  open();
  EXPECT_EQ(count(), 16);
}

TEST_F(StoreTest, ASecondServerIsRefusedAndToldWhoHoldsTheFolder) {
  const auto second = Store::lock(folder.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find(cat("process ", ::getpid())), std::string::npos);
  EXPECT_NE(second.error().message.find(folder.path()), std::string::npos);
  store.reset();
  EXPECT_TRUE(Store::lock(folder.path()).has_value());
}

TEST_F(StoreTest, AnotherProcessIsRefusedToo) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(Store::lock(folder.path()).has_value() ? 1 : 42);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(StoreTest, ADatabaseOfANewerVersionIsRefusedAndLeftAsItIs) {
  store.reset();
  {
    const auto db = *Database::open(folder / "ionian.db", Database::Mode::kWrite);
    ASSERT_TRUE(db->script("PRAGMA user_version=999"));
  }
  const auto opened = Store::open(folder.path(), *Store::lock(folder.path()));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find("schema 999"), std::string::npos);
  const auto db = *Database::open(folder / "ionian.db", Database::Mode::kRead);
  Rows rows = db->query("SELECT count(*) FROM t");
  EXPECT_TRUE(rows.next());
}

// With an item of a queue and two replies, which version 12 moves.
TEST_F(StoreTest, ADatabaseOfAnEarlierVersionIsBroughtUpWithAllThatIsInIt) {
  store.reset();
  ASSERT_TRUE(remove_tree(folder / "ionian.db"));
  {
    const auto db = *Database::open(folder / "ionian.db", Database::Mode::kWrite);
    for (const std::string_view* sql :
         {&kSchemaSql, &kMigration2Sql, &kMigration3Sql, &kMigration4Sql, &kMigration5Sql,
          &kMigration6Sql, &kMigration7Sql, &kMigration8Sql, &kMigration9Sql, &kMigration10Sql,
          &kMigration11Sql})
      ASSERT_TRUE(db->script(std::string(*sql)));
    ASSERT_TRUE(db->script(
        "PRAGMA user_version=11; PRAGMA foreign_keys=OFF;"
        "INSERT INTO queue_partitions VALUES (7, 'qu-1', x'', 2, 1, 4, 9000000000000);"
        "INSERT INTO queue_items VALUES (7, 1, x'6974656d');"
        "INSERT INTO replies VALUES ('late', x'01', x'6c', 20), ('early', x'01', x'65', 10);"));
  }
  open();
  store->read([](View& view) {
    Rows item = view.db().query("SELECT value FROM queue_items WHERE partition = 7 AND number = 1");
    ASSERT_TRUE(item.next());
    EXPECT_EQ(item.text(0), "item");
    Rows replies = view.db().query("SELECT key, reply FROM replies ORDER BY number");
    std::string found;
    while (replies.next()) found += cat(replies.text(0), '=', replies.text(1), ' ');
    EXPECT_EQ(found, "early=e late=l ");
  });
}

TEST_F(StoreTest, AReaderCannotWrite) {
  store->read([](View& view) {
    view.db().run("INSERT INTO t (k) VALUES (1)");
    EXPECT_FALSE(view.db().error().empty());
  });
  EXPECT_EQ(count(), 0);
}

TEST_F(StoreTest, ACopyIsWholeWhileOthersWrite) {
  ASSERT_TRUE(store->write_now(insert(1)));
  const std::string copy = folder / "copy.db";
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int k = 2; !done; ++k) EXPECT_TRUE(store->write_now(insert(k)));
  });
  const Result<void> copied = store->copy_to(copy);
  done = true;
  writer.join();
  ASSERT_TRUE(copied.has_value()) << copied.error().message;
  const auto db = Database::open(copy, Database::Mode::kRead);
  ASSERT_TRUE(db.has_value());
  Rows rows = (*db)->query(
      "SELECT count(*), max(k), (SELECT integrity_check FROM pragma_integrity_check) FROM t");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.number(0), rows.number(1));
  EXPECT_EQ(rows.text(2), "ok");
  EXPECT_FALSE(store->copy_to(copy).has_value()) << "a copy never takes another file's place";
}

}  // namespace
}  // namespace ionian::store
