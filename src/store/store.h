#pragma once
// The store: records that survive. One writer with group commit, a few readers, nothing else knows
// SQL.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "store/sqlite.h"

namespace ionian::store {

// What a reader sees. Repositories take a View& to read and a Tx& to write, so that writing outside
// the writer's transaction does not compile.
class View {
 public:
  explicit View(Database& db) : db_(db) {}
  Database& db() { return db_; }

 private:
  Database& db_;
};

class Tx : public View {
 public:
  using View::View;
};

// `work` runs inside the writer's transaction; what it wrote is undone if it returns an error.
// `done` gets the outcome only after the transaction has reached the disk (or failed to). They are
// told one after the other, in the order of the writes.
using Work = std::function<Result<void>(Tx&)>;
using Done = std::function<void(Result<void>)>;

// The right to a data folder. A second server on it must not get as far as touching anything.
struct Lock {
  UniqueFd fd;
};

class Store {
 public:
  // FAILED_PRECONDITION if another server holds the folder; says which process.
  static Result<Lock> lock(const std::string& folder);
  // Opens (or makes) FOLDER/ionian.db and brings it to this version's schema. FAILED_PRECONDITION
  // if the database is of a newer version.
  static Result<std::unique_ptr<Store>> open(const std::string& folder, Lock lock);
  ~Store();

  // Queues a write. All writes that came in while the disk was busy share one transaction and one
  // fsync.
  void write(Work work, Done done);
  // Queues a write and waits for it. Not from the writer's own thread.
  Result<void> write_now(Work work);

  // Reads on the calling thread, with one of a few read connections.
  template <class F>
  auto read(F&& f) {
    Reader reader(*this);
    View view(*reader.db);
    return f(view);
  }

  // Runs `work` on a thread of the read pool.
  void read_later(std::function<void(View&)> work);
  // Runs `work` on this thread and at once if a read connection is free and nobody waits for one;
  // else on a thread of the read pool.
  void read_soon(std::function<void(View&)> work);

  // A consistent copy of the whole database in a new file, while others write. RESOURCE_EXHAUSTED
  // or UNAVAILABLE say what the disk said.
  Result<void> copy_to(const std::string& path);

  std::uint64_t commits() const { return commits_; }
  // By all connections so far; exact while nothing runs.
  std::uint64_t statements_run();

 private:
  struct Pending {
    Work work;
    Done done;
  };
  struct Committed {
    std::vector<Pending> batch;
    std::vector<Result<void>> results;
  };
  // A few outcomes are told by the writer itself if nobody waits for it: waking another thread
  // takes longer.
  static constexpr std::size_t kToldAtOnce = 2;
  // Borrows a read connection for a scope.
  struct Reader {
    explicit Reader(Store& store);
    Reader(Store& of, std::unique_ptr<Database> connection)
        : store(of), db(std::move(connection)) {}
    ~Reader();
    Store& store;
    std::unique_ptr<Database> db;
  };
  static constexpr int kReaders = 4;

  Store() = default;
  Result<void> migrate();
  void writer_main();
  void teller_main();
  void reader_main();
  Committed commit(std::vector<Pending> batch);
  void tell(Committed committed);
  void tell_now(Committed committed, std::unique_lock<std::mutex>& lock);
  bool nothing_to_tell() const { return to_tell_.empty() && !telling_; }
  Result<void> run_one(Tx& tx, const Work& work);

  std::string path_;
  Lock lock_;
  std::unique_ptr<Database> db_;  // the writer's

  std::mutex mutex_;
  std::condition_variable work_came_;
  std::vector<Pending> queue_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_

  // Outcomes that are still to be told: the next transaction does not wait for that.
  std::condition_variable outcome_came_;
  std::deque<Committed> to_tell_;  // guarded by mutex_
  bool telling_ = false;           // guarded by mutex_
  bool all_is_told_ = false;       // guarded by mutex_: the writer has ended, and nothing is left

  std::mutex readers_mutex_;
  std::condition_variable reader_free_, read_came_;
  std::vector<std::unique_ptr<Database>> readers_;  // guarded by readers_mutex_
  std::deque<std::function<void(View&)>> reads_;    // guarded by readers_mutex_
  bool readers_stopping_ = false;                   // guarded by readers_mutex_

  std::atomic<std::uint64_t> commits_ = 0;
  std::thread writer_, teller_;
  std::vector<std::thread> reader_threads_;
};

}  // namespace ionian::store
