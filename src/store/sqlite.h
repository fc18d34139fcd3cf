#pragma once
// A small face of SQLite. SQL is trusted only as a literal; values are always bound.
//
// Errors are sticky: a statement that fails makes `Database::error()` non-empty and later
// statements do nothing, so a repository reads as a list of statements, and whoever ends the
// transaction checks once.
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::store {

class Database;

// SQL that stands in the source, never one put together at run time.
class Sql {
 public:
  consteval Sql(const char* text) : text_(text) {}
  const char* text() const { return text_; }

 private:
  const char* text_;
};

struct Blob {
  std::string_view bytes;
};

// A running statement. Columns are numbered from 0; a view is valid until the next step.
class Rows {
 public:
  Rows(Database& db, sqlite3_stmt* statement) : db_(&db), statement_(statement) {}
  Rows(Rows&& other) noexcept
      : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows() {
    if (statement_) sqlite3_reset(statement_), sqlite3_clear_bindings(statement_);
  }

  // Moves to the next row; false at the end and after an error.
  bool next();
  std::string text(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  Time time(int column) const { return from_unix_ms(number(column)); }
  std::optional<Time> maybe_time(int column) const {
    if (null(column)) return std::nullopt;
    return time(column);
  }

 private:
  Database* db_;
  sqlite3_stmt* statement_;
};

class Database {
 public:
  enum class Mode { kWrite, kRead };
  // Opens with WAL and full sync on commit. ":memory:" for tests.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  ~Database();

  // Runs a statement that returns rows.
  template <class... Values>
  Rows query(Sql sql, const Values&... values) {
    sqlite3_stmt* statement = prepare(sql.text());
    int index = 0;
    (bind(statement, ++index, values), ...);
    return Rows(*this, statement);
  }
  // Runs a statement for its effect; returns the number of rows that it changed.
  template <class... Values>
  std::int64_t run(Sql sql, const Values&... values) {
    Rows rows = query(sql, values...);
    while (rows.next()) {
    }
    return sqlite3_changes64(handle_);
  }
  // Several statements at once, as schema.sql has them.
  Result<void> script(const std::string& text);

  // False outside of one, and after an error for which SQLite has undone all of it (a full disk is
  // one).
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  const std::string& error() const { return error_; }
  int error_code() const { return error_code_; }
  // What went wrong. RESOURCE_EXHAUSTED: the disk is full or failing.
  Status status() const;
  void clear_error() { error_.clear(), error_code_ = SQLITE_OK; }
  // Statements run since the database was opened, for tests that count them.
  std::uint64_t statements_run() const { return statements_run_; }

 private:
  friend class Rows;
  Database() = default;
  sqlite3_stmt* prepare(const char* sql);
  void note_error();

  static void bind(sqlite3_stmt* s, int i, std::string_view text);
  static void bind(sqlite3_stmt* s, int i, const char* text) { bind(s, i, std::string_view(text)); }
  static void bind(sqlite3_stmt* s, int i, const std::string& text) {
    bind(s, i, std::string_view(text));
  }
  static void bind(sqlite3_stmt* s, int i, Blob blob);
  static void bind(sqlite3_stmt* s, int i, Time t) { bind(s, i, to_unix_ms(t)); }
  template <std::integral T>
  static void bind(sqlite3_stmt* s, int i, T number) {
    if (s) sqlite3_bind_int64(s, i, static_cast<std::int64_t>(number));
  }
  template <class Kind>
  static void bind(sqlite3_stmt* s, int i, const Id<Kind>& id) {
    bind(s, i, std::string_view(id.str()));
  }
  template <class T>
  static void bind(sqlite3_stmt* s, int i, const std::optional<T>& value) {
    if (value)
      bind(s, i, *value);
    else if (s)
      sqlite3_bind_null(s, i);
  }

  sqlite3* handle_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  std::string error_;
  int error_code_ = SQLITE_OK;
  std::uint64_t statements_run_ = 0;
};

}  // namespace ionian::store
