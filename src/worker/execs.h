#pragma once
// Programs that clients start in containers that run already: what they print, what they are told,
// and how they end. One thread moves the bytes; whoever waits for a change of one is told its key.
// Thread-safe.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/ids.h"
#include "container/spawner.h"
#include "container/spec.pb.h"
#include "worker/stream_window.h"

namespace ionian::worker {

// What becomes of a program. Called on any thread, in this order, the last of them once.
struct ExecHooks {
  std::function<void(UniqueFd terminal)> started;
  std::function<void(Status)> failed;  // it does not run; then nothing comes
  std::function<void(int exit_code, int signal)> ended;
};

// Starts them: the worker, and tests.
class ExecRunner {
 public:
  virtual ~ExecRunner() = default;
  virtual void exec(const TaskId& task, container::ExecSpec spec, container::Stdio stdio,
                    ExecHooks hooks) = 0;
  virtual void signal_exec(const std::string& id, int signo) = 0;
};

struct ExecKey {
  TaskId task;
  std::string id;  // the client's own, so that a start may be repeated
  friend auto operator<=>(const ExecKey&, const ExecKey&) = default;
};

enum class Sink { kNull, kPipe, kStdout };

struct ExecRequest {
  ExecKey key;
  WorkspaceId workspace;  // those of the task
  EnvironmentId environment;
  container::ExecSpec spec;  // its program, without ids
  Sink out = Sink::kPipe, err = Sink::kPipe;
  Duration timeout{};  // 0 = none
};

struct ExecEnd {
  int exit_code = 0;
  int signal = 0;
};

class Execs {
 public:
  static constexpr std::size_t kWindowBytes = 8 << 20;  // of each stream
  static constexpr std::size_t kBytesMax = 512 << 20;   // of all
  static constexpr std::size_t kStdinBytes = 1 << 20;   // that its program has not read
  static constexpr std::size_t kRunningPerTask = 64;
  static constexpr std::size_t kRunningMax = 1024;
  static constexpr std::size_t kEndedMax = 1000;
  static constexpr Duration kKept = 10min;  // since its end
  static constexpr Duration kReadersCome = 200ms;
  static constexpr Duration kPatience = 60s;  // of a terminal that nobody looks at

  // One of them, as its callers see it. Stays whole for as long as somebody has it.
  struct Exec;
  using ExecPtr = std::shared_ptr<Exec>;

  explicit Execs(const Clock& clock);
  ~Execs();
  // `changed` is told the key of what has changed, on any thread, and must not block.
  // Starts and moves nothing any more; what it holds can still be read.
  void stop();
  void connect(ExecRunner& runner, std::function<void(const std::string& key)> changed);

  // The one that is there under that key, or a new one.
  //   errors   RESOURCE_EXHAUSTED
  Result<ExecPtr> start(ExecRequest request);
  ExecPtr find(const ExecKey& key) const;  // null: there is none
  ExecPtr find_by_id(const std::string& id) const;
  // Also of one that has ended: where it was.
  struct Place {
    WorkspaceId workspace;
    EnvironmentId environment;
  };
  std::optional<Place> place_of(const TaskId& task) const;
  static std::string key_of(const Exec& exec);
  static const ExecKey& name_of(const Exec& exec);
  static const Place& place_of(const Exec& exec);

  // Nothing: it is on its way. An error: it does not run.
  std::optional<Result<void>> started(const Exec& exec) const;
  std::optional<ExecEnd> end(const Exec& exec) const;
  // Somebody waits for its end, and may be about to read what it has printed: for kReadersCome the
  // end waits for them.
  void expect_readers(Exec& exec);

  struct Output {
    std::string bytes;
    bool over = false;  // and nothing comes after them
  };
  // Of stream 1 or 2; of a terminal all is on 1.   errors  OUT_OF_RANGE it is no longer kept
  Result<Output> read(Exec& exec, int stream, std::uint64_t offset, std::size_t most);

  // Takes what is new of `data`, which begins at `offset`. False: there is room for a part only,
  // ask again with the same.
  //   errors   FAILED_PRECONDITION it takes no more · INVALID_ARGUMENT there is a gap before it
  Result<bool> write(Exec& exec, std::uint64_t offset, std::string_view data, bool last);
  // The same for a stream of it, which begins where the input is and has it for itself: whoever
  // writes otherwise, or asks where the input is in order to go on, takes over.
  //   errors   FAILED_PRECONDITION also if it does not begin there, or another has taken over
  struct InputStream {
    std::uint64_t number = 0, offset = 0;  // of what comes next
  };
  Result<InputStream> begin_input(Exec& exec, std::uint64_t offset);
  Result<bool> write_on(Exec& exec, InputStream& stream, std::string_view data, bool last);
  // The same for messages that are counted from 1.
  Result<bool> write_message(Exec& exec, std::uint64_t index, std::string_view data, bool last);
  struct Input {
    std::uint64_t bytes = 0;
    bool closed = false;
  };
  Input input(const Exec& exec) const;
  Input take_over_input(Exec& exec);

  // For as long as this lives somebody looks at the output. A terminal that nobody has looked at
  // for kPatience is hung up.
  class Look {
   public:
    Look() = default;
    Look(Execs& execs, ExecPtr exec);
    Look(Look&& other) noexcept : execs_(other.execs_), exec_(std::move(other.exec_)) {}
    Look& operator=(Look&& other) noexcept {
      std::swap(execs_, other.execs_), std::swap(exec_, other.exec_);
      return *this;
    }
    ~Look();

   private:
    Execs* execs_ = nullptr;
    ExecPtr exec_;
  };

  struct Counts {
    std::size_t running = 0, ended = 0, bytes = 0;
  };
  Counts counts() const;

 private:
  enum Which : std::uint64_t { kOut = 1, kErr = 2, kIn = 3 };

  void main();
  bool make_room();
  Result<bool> take(Exec& exec, std::uint64_t offset, std::string_view data, bool last);
  int tend();  // what time brings; returns when it is wanted again, in ms
  void tend_one(Exec& exec, Time now, const std::function<void(Time)>& at);
  void forget_spent(Time now, const std::function<void(Time)>& at);
  void handle(std::uint64_t number, Which which);
  void read_some(Exec& exec, Which which);
  void write_some(Exec& exec);
  void close_input(Exec& exec);
  void watch(Exec& exec, Which which, bool wanted);
  void hang_up(Exec& exec);
  Result<container::Stdio> make_pipes(Exec& exec, const ExecRequest& request);
  void launch(const ExecPtr& exec, ExecRequest request, container::Stdio stdio);
  void on_started(const ExecPtr& exec, UniqueFd terminal);
  void on_end(const ExecPtr& exec, ExecEnd end, std::optional<Status> failure);
  void forget_oldest();
  Result<void> check_room(const TaskId& task) const;
  void wake();

  const Clock& clock_;
  ExecRunner* runner_ = nullptr;
  std::function<void(const std::string&)> changed_;
  UniqueFd epoll_, wake_;
  mutable std::mutex mutex_;
  // All below, and what is inside an Exec, is guarded by mutex_.
  std::map<ExecKey, ExecPtr> by_key_;
  std::map<std::uint64_t, Exec*> by_number_;
  std::map<std::uint64_t, ExecKey> ended_;  // in the order of their ends
  std::uint64_t last_number_ = 0, last_end_ = 0;
  std::size_t bytes_ = 0;
  bool paused_ = false;  // some stream waits for room among all
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ionian::worker
