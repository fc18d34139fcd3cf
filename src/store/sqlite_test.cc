#include "store/sqlite.h"

#include <gtest/gtest.h>

namespace ionian::store {
namespace {

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    db = *Database::open(":memory:", Database::Mode::kWrite);
    EXPECT_TRUE(db->script("CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, b BLOB) STRICT;"));
  }
  std::unique_ptr<Database> db;
};

TEST_F(SqliteTest, ValuesComeBackAsTheyWent) {
  const std::string bytes("a\0b", 3);
  db->run("INSERT INTO t VALUES (?, ?, ?)", "key", 42, Blob{bytes});
  Rows rows = db->query("SELECT k, n, b FROM t WHERE k = ?", std::string("key"));
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.text(0), "key");
  EXPECT_EQ(rows.number(1), 42);
  EXPECT_EQ(rows.text(2), bytes);
  EXPECT_FALSE(rows.next());
}

TEST_F(SqliteTest, NothingIsNullAndAnEmptyBlobIsNot) {
  db->run("INSERT INTO t VALUES (?, ?, ?)", "key", std::optional<int>(), Blob{});
  Rows rows = db->query("SELECT n, b FROM t");
  ASSERT_TRUE(rows.next());
  EXPECT_TRUE(rows.null(0));
  EXPECT_FALSE(rows.null(1));
}

TEST_F(SqliteTest, AValueIsNeverSql) {
  const std::string evil = "x'); DROP TABLE t; --";
  EXPECT_EQ(db->run("INSERT INTO t (k) VALUES (?)", evil), 1);
  Rows rows = db->query("SELECT k FROM t");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.text(0), evil);
}

TEST_F(SqliteTest, AnErrorSticksUntilItIsCleared) {
  db->run("INSERT INTO t (k) VALUES (?)", "key");
  db->run("INSERT INTO t (k) VALUES (?)", "key");
  EXPECT_FALSE(db->error().empty());
  EXPECT_EQ(db->error_code() & 0xff, SQLITE_CONSTRAINT);
  // Later statements do nothing.
  db->run("INSERT INTO t (k) VALUES (?)", "other");
  EXPECT_FALSE(db->query("SELECT k FROM t").next());
  db->clear_error();
  Rows rows = db->query("SELECT count(*) FROM t");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.number(0), 1);
}

TEST_F(SqliteTest, AStatementThatDoesNotParseIsAnErrorToo) {
  db->run("INSERT INTO missing VALUES (1)");
  EXPECT_NE(db->error().find("missing"), std::string::npos);
}

TEST_F(SqliteTest, AStatementInsideItsOwnLoopIsAnError) {
  db->run("INSERT INTO t (k) VALUES ('a')");
  const auto all = [this] { return db->query("SELECT k FROM t"); };
  Rows outer = all();
  ASSERT_TRUE(outer.next());
  Rows inner = all();
  EXPECT_FALSE(inner.next());
  EXPECT_NE(db->error().find("already running"), std::string::npos);
}

TEST(Sqlite, AFolderThatDoesNotExistIsNamed) {
  const auto db = Database::open("/nonexistent/ionian.db", Database::Mode::kWrite);
  ASSERT_FALSE(db.has_value());
  EXPECT_NE(db.error().message.find("/nonexistent/ionian.db"), std::string::npos);
}

}  // namespace
}  // namespace ionian::store
