#include "store/sqlite.h"

#include <cerrno>

namespace ionian::store {
namespace {

Status status_of(int code, int system_error, std::string_view why) {
  const int primary = code & 0xff;
  if (primary == SQLITE_FULL || primary == SQLITE_IOERR || system_error == ENOSPC)
    return {Code::kResourceExhausted, cat("the data folder's disk is full or failing: ", why)};
  return {Code::kInternal, cat("database: ", why)};
}

}  // namespace

bool Rows::next() {
  if (!statement_ || !db_->error().empty()) return false;
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      db_->note_error();
      return false;
  }
}

std::string Rows::text(int column) const {
  // Blob access gives the bytes of text and of blobs alike, zeros included.
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))
               : std::string();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  // Nobody reads its statistics of memory, for which every allocation takes a lock.
  static const int without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)without_statistics;
  std::unique_ptr<Database> db(new Database);
  const int flags =
      (mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
      SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db->handle_, flags, nullptr) != SQLITE_OK)
    return prepend(cat("open ", path),
                   status_of(sqlite3_errcode(db->handle_), sqlite3_system_errno(db->handle_),
                             sqlite3_errmsg(db->handle_)));
  sqlite3_busy_timeout(db->handle_, 10'000);
  // FULL: a commit that has returned survives the loss of power.
  TRY(db->script(
      mode == Mode::kWrite
          ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=8000;"
            "PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384;"
          : "PRAGMA query_only=ON;"));
  return db;
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<void> Database::script(const std::string& text) {
  char* message = nullptr;
  if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return {};
  const std::string why = message ? message : sqlite3_errmsg(handle_);
  sqlite3_free(message);
  return std::unexpected(status_of(sqlite3_errcode(handle_), sqlite3_system_errno(handle_), why));
}

Status Database::status() const { return status_of(error_code_, 0, error_); }

sqlite3_stmt* Database::prepare(const char* sql) {
  if (!error_.empty()) return nullptr;
  ++statements_run_;
  // A literal's address names it: each is prepared once.
  auto [it, fresh] = statements_.try_emplace(sql, nullptr);
  if (fresh && sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &it->second,
                                  nullptr) != SQLITE_OK) {
    note_error();
    statements_.erase(it);
    return nullptr;
  }
  if (sqlite3_stmt_busy(it->second)) {  // the same statement inside its own loop: a copy of its own
    error_ = cat("statement is already running: ", sql);
    error_code_ = SQLITE_MISUSE;
    return nullptr;
  }
  return it->second;
}

void Database::note_error() {
  error_ = sqlite3_errmsg(handle_);
  error_code_ = sqlite3_errcode(handle_);
}

void Database::bind(sqlite3_stmt* s, int i, std::string_view text) {
  if (s)
    sqlite3_bind_text(s, i, text.data() ? text.data() : "", static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
}

void Database::bind(sqlite3_stmt* s, int i, Blob blob) {
  if (s)
    sqlite3_bind_blob64(s, i, blob.bytes.data() ? blob.bytes.data() : "", blob.bytes.size(),
                        SQLITE_TRANSIENT);
}

}  // namespace ionian::store
