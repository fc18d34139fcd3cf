#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <future>

#include "base/file.h"
#include "base/log.h"
#include "store/schema.h"

namespace ionian::store {
namespace {

// What brings a database from one version to the next, beginning with an empty one.
constexpr std::array kMigrations = {
    &kSchemaSql,      &kMigration2Sql,  &kMigration3Sql,  &kMigration4Sql,
    &kMigration5Sql,  &kMigration6Sql,  &kMigration7Sql,  &kMigration8Sql,
    &kMigration9Sql,  &kMigration10Sql, &kMigration11Sql, &kMigration12Sql,
    &kMigration13Sql, &kMigration14Sql, &kMigration15Sql, &kMigration16Sql};
constexpr int kSchemaVersion = static_cast<int>(kMigrations.size());

}  // namespace

Result<Lock> Store::lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return sys_fail(cat("open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = read_file(path).value_or("?");
    return fail(Code::kFailedPrecondition, "another server (process ", holder, ") serves ", folder,
                ". Stop it first, or choose another folder with --data");
  }
  const std::string pid = cat(::getpid());
  if (::ftruncate(fd.get(), 0) != 0) return sys_fail(cat("truncate ", path));
  TRY(write_all(fd.get(), pid));
  return Lock{std::move(fd)};
}

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, Lock lock) {
  std::unique_ptr<Store> store(new Store);
  store->lock_ = std::move(lock);
  store->path_ = folder + "/ionian.db";
  ASSIGN_OR_RETURN(store->db_, Database::open(store->path_, Database::Mode::kWrite));
  ::chmod(store->path_.c_str(), 0600);
  TRY(store->migrate());
  for (int i = 0; i < kReaders; ++i) {
    ASSIGN_OR_RETURN(auto reader, Database::open(store->path_, Database::Mode::kRead));
    store->readers_.push_back(std::move(reader));
  }
  store->writer_ = std::thread([s = store.get()] { s->writer_main(); });
  store->teller_ = std::thread([s = store.get()] { s->teller_main(); });
  for (int i = 0; i < 2; ++i)
    store->reader_threads_.emplace_back([s = store.get()] { s->reader_main(); });
  return store;
}

Store::~Store() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_came_.notify_all();
  {
    std::lock_guard lock(readers_mutex_);
    readers_stopping_ = true;
  }
  read_came_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (teller_.joinable()) teller_.join();
  for (std::thread& t : reader_threads_) t.join();
}

Result<void> Store::migrate() {
  int version = 0;
  {
    Rows rows = db_->query("PRAGMA user_version");
    if (rows.next()) version = static_cast<int>(rows.number(0));
  }
  if (version == kSchemaVersion) return {};
  if (version > kSchemaVersion)
    return fail(Code::kFailedPrecondition, path_, " was written by a newer Ionian (schema ",
                version, ", this one knows ", kSchemaVersion,
                "). Start the newer version, or restore a backup");
  for (; version < kSchemaVersion; ++version)
    TRY(db_->script(cat("BEGIN IMMEDIATE;", *kMigrations[static_cast<std::size_t>(version)],
                        "PRAGMA user_version=", version + 1, ";COMMIT;")));
  return {};
}

void Store::write(Work work, Done done) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(work), std::move(done)});
  }
  work_came_.notify_one();
}

Result<void> Store::write_now(Work work) {
  std::promise<Result<void>> promise;
  write(std::move(work), [&](Result<void> r) { promise.set_value(std::move(r)); });
  return promise.get_future().get();
}

Result<void> Store::copy_to(const std::string& path) {
  // A connection of its own: the read connections are held to reading, and the writer goes on.
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> db,
                   Database::open(path_, Database::Mode::kWrite));
  db->run("VACUUM INTO ?", path);
  if (db->error().empty()) return {};
  return std::unexpected(db->status());
}

std::uint64_t Store::statements_run() {
  std::lock_guard lock(readers_mutex_);
  std::uint64_t sum = db_->statements_run();
  for (const auto& reader : readers_) sum += reader->statements_run();
  return sum;
}

void Store::writer_main() {
  // Who is told an outcome may write again, so the end is when all has been told.
  const auto may_go_on = [this] { return !queue_.empty() || (stopping_ && nothing_to_tell()); };
  for (;;) {
    std::vector<Pending> batch;
    {
      std::unique_lock lock(mutex_);
      work_came_.wait(lock, may_go_on);
      if (queue_.empty()) {
        all_is_told_ = true;
        return outcome_came_.notify_one();
      }
      batch.swap(queue_);
    }
    tell(commit(std::move(batch)));
  }
}

void Store::tell(Committed committed) {
  std::unique_lock lock(mutex_);
  if (committed.batch.size() <= kToldAtOnce && queue_.empty() && nothing_to_tell())
    return tell_now(std::move(committed), lock);
  to_tell_.push_back(std::move(committed));
  outcome_came_.notify_one();
}

void Store::tell_now(Committed committed, std::unique_lock<std::mutex>& lock) {
  telling_ = true;
  lock.unlock();
  for (std::size_t i = 0; i < committed.batch.size(); ++i)
    if (committed.batch[i].done) committed.batch[i].done(std::move(committed.results[i]));
  committed = {};
  lock.lock();
  telling_ = false;
  if (stopping_) work_came_.notify_one();
}

void Store::teller_main() {
  std::unique_lock lock(mutex_);
  for (;;) {
    outcome_came_.wait(lock, [this] { return all_is_told_ || !to_tell_.empty(); });
    if (to_tell_.empty()) return;
    Committed next = std::move(to_tell_.front());
    to_tell_.pop_front();
    tell_now(std::move(next), lock);
  }
}

Result<void> Store::run_one(Tx& tx, const Work& work) {
  db_->run("SAVEPOINT one");
  Result<void> result = work(tx);
  if (!db_->error().empty()) result = std::unexpected(db_->status());
  db_->clear_error();
  if (!db_->in_transaction())
    return result ? fail(Code::kInternal, "database: the transaction is gone") : result;
  if (!result) db_->run("ROLLBACK TO one");
  db_->run("RELEASE one");
  return result;
}

Store::Committed Store::commit(std::vector<Pending> batch) {
  Tx tx(*db_);
  std::vector<Result<void>> results;
  db_->run("BEGIN IMMEDIATE");
  for (const Pending& pending : batch) {
    results.push_back(run_one(tx, pending.work));
    if (db_->in_transaction()) continue;
    // What came before in this transaction is undone as well; what comes after gets one of its own.
    const Status why = results.back().error();
    for (Result<void>& result : results)
      if (result) result = std::unexpected(why);
    db_->run("BEGIN IMMEDIATE");
  }
  db_->run("COMMIT");
  commits_.fetch_add(1, std::memory_order_relaxed);
  if (!db_->error().empty()) {
    const Status status = db_->status();
    log::error("commit failed: ", status.message);
    db_->clear_error();
    db_->run("ROLLBACK");
    db_->clear_error();
    for (Result<void>& result : results) result = std::unexpected(status);
  }
  return {std::move(batch), std::move(results)};
}

Store::Reader::Reader(Store& s) : store(s) {
  std::unique_lock lock(store.readers_mutex_);
  store.reader_free_.wait(lock, [this] { return !store.readers_.empty(); });
  db = std::move(store.readers_.back());
  store.readers_.pop_back();
}

Store::Reader::~Reader() {
  if (!db->error().empty()) log::error("read failed: ", db->error());
  db->clear_error();
  {
    std::lock_guard lock(store.readers_mutex_);
    store.readers_.push_back(std::move(db));
  }
  store.reader_free_.notify_one();
}

void Store::read_later(std::function<void(View&)> work) {
  {
    std::lock_guard lock(readers_mutex_);
    reads_.push_back(std::move(work));
  }
  read_came_.notify_one();
}

void Store::read_soon(std::function<void(View&)> work) {
  std::unique_lock lock(readers_mutex_);
  if (readers_.empty() || !reads_.empty()) {
    lock.unlock();
    return read_later(std::move(work));
  }
  std::unique_ptr<Database> db = std::move(readers_.back());
  readers_.pop_back();
  lock.unlock();
  const Reader reader(*this, std::move(db));
  View view(*reader.db);
  work(view);
}

void Store::reader_main() {
  for (;;) {
    std::function<void(View&)> work;
    {
      std::unique_lock lock(readers_mutex_);
      read_came_.wait(lock, [this] { return readers_stopping_ || !reads_.empty(); });
      if (reads_.empty()) return;
      work = std::move(reads_.front());
      reads_.pop_front();
    }
    read([&](View& view) { work(view); });
  }
}

}  // namespace ionian::store
