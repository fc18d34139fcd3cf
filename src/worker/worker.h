#pragma once
// The worker: makes tasks into containers and tells what becomes of them. One thread watches all
// pipes, sockets and the spawner; everything that it says goes to Events, on that thread.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/utf8.h"
#include "container/spawner.h"
#include "worker/execs.h"
#include "worker/hot_files.h"
#include "worker/janitor.h"
#include "worker/spawner_watch.h"
#include "worker/standby_policy.h"
#include "worker/task.pb.h"

namespace ionian::worker {

struct TaskEnd {
  int exit_code = 0;
  int signal = 0;
  bool out_of_memory = false;
  std::string failed_start;  // why the container could not be made at all
  bool of_machine = false;   // ... for want of what any would need: memory, a process, a disk
  bool lost = false;         // the spawner died under it
  // With keep_upper: the folder that holds what the task wrote, and the id of its root there.
  std::string upper;
  std::uint32_t id_base = 0;
};

// Called on the worker's thread; must not block.
class Events {
 public:
  virtual ~Events() = default;
  virtual void started(const TaskId& id, UniqueFd netns) = 0;
  // Valid UTF-8; fd is 1 or 2.
  virtual void output(const TaskId& id, int fd, std::string text) = 0;
  // All output of the task came before.
  virtual void ended(const TaskId& id, const TaskEnd& end) = 0;
  // A process of the task has connected to the server's socket.
  virtual void connected(const TaskId& id, UniqueFd connection) = 0;
};

struct WorkerOptions {
  // DATA/tasks: uppers and sockets of the living; emptied at the start. What is beside it under the
  // same name with another ending is the worker's, too.
  std::string folder;
  std::size_t standbys = 0;  // at most so many
  bool zygotes = true;       // standbys, and tasks that find none, are copies of one interpreter
  // A spawner that owes an answer and says nothing for that long is ended, as if it had died.
  Duration spawner_silence = 30s;
  // The machine has hardly any memory left.
  std::function<bool()> memory_short = [] { return false; };
  // There is no room for more output now.
  std::function<bool()> output_waits = [] { return false; };
};

class Worker final : public ExecRunner {
 public:
  // Where the server's socket and the arguments stand in a container.
  static constexpr const char* kSocketPath = "/__modal/server.sock";
  static constexpr const char* kArgumentsPath = "/__modal/arguments.bin";

  Worker(WorkerOptions options, container::Spawner& spawner, Events& events, const Clock& clock);
  ~Worker() override;

  // From any thread; each started task ends with exactly one `ended`.
  void start(TaskSpec spec);
  void stop(const TaskId& id);  // SIGTERM to its program
  void interrupt(const TaskId& id);
  void kill(const TaskId& id);

  // Where a task writes that was no standby before. From any thread.
  std::string upper_of(const TaskId& id) const;

  // Shows a running task another version of a volume that it has. `done`, on the worker's thread:
  //   errors   FAILED_PRECONDITION files of it are open · UNAVAILABLE the task has ended
  using Exchanged = std::function<void(Result<void>)>;
  void exchange(const TaskId& id, TaskVolume volume, Exchanged done);

  // A container that is no task (a step of a build): its end goes to `ended`, its output to
  // `output`.
  struct Job {
    std::function<void(int fd, std::string_view text)> output;
    std::function<void(const TaskEnd& end)> ended;
  };
  void start_job(container::ContainerSpec spec, Job job);
  void kill_job(const std::string& id);

  // A failure is NOT_FOUND no such container (any more) · UNAVAILABLE it is still starting ·
  // INVALID_ARGUMENT no such program · what the machine refused.
  void exec(const TaskId& task, container::ExecSpec spec, container::Stdio stdio,
            ExecHooks hooks) override;
  void signal_exec(const std::string& id, int signo) override;

  struct StandbyCounts {
    std::uint64_t ready = 0;       // now
    std::uint64_t taken = 0;       // tasks that found one
    std::uint64_t missing = 0;     // tasks that it could have been for and that found none
    std::uint64_t zygotes = 0;     // ready to be copied, now
    std::uint64_t copied = 0;      // of those, the ones that began as a copy of a zygote
    std::uint64_t read_ahead = 0;  // files that were read before an interpreter came to them
  };
  StandbyCounts standby_counts() const;

 private:
  struct Pipe {
    UniqueFd fd;
    int number = 1;
    Utf8Joiner text;
  };
  // A container whose program waits for its task, and then becomes that.
  struct Standby {
    std::string key;                                 // empty: a copy that is made for its task
    std::string zygote;                              // that it is a copy of, if it is one
    UniqueFd control;                                // once its program has connected
    std::string said;                                // by it, and not a whole message yet
    std::vector<UniqueFd> connections;               // to the server; nobody's as yet
    std::vector<std::pair<int, std::string>> early;  // output, bounded
    UniqueFd netns;
    std::string message;           // that tells it its task
    std::optional<TaskSpec> next;  // it is becoming this
    bool unwanted = false;         // ... which is to end
    bool loaded = false;           // a copy of a zygote that has been made for its task
  };
  struct Living {
    std::string id;    // of the container
    std::string task;  // empty: a job, or a standby
    std::unique_ptr<Standby> standby;
    std::string folder;  // of a task
    std::string upper;
    bool keep_upper = false;
    UniqueFd listener;
    bool started = false;  // its program runs
    std::vector<Pipe> pipes;
    std::optional<TaskEnd> end;  // set once the spawner has said so
    bool not_copied = false;     // ... that its zygote made no copy
    Job job;
    std::vector<std::pair<TaskVolume, Exchanged>> exchanges;  // the first is under way
  };
  using Work = std::function<void()>;

  void clear_folder();
  void post(Work work);
  void main();
  void start_task(TaskSpec task);
  void launch_task(const TaskSpec& spec);
  void send_signal(const std::string& task, int signo);
  void launch(Living living, container::ContainerSpec spec);
  Result<UniqueFd> make_socket(const std::string& folder);
  // Makes its folder, and the socket in it by which it reaches the server.
  Result<void> give_folder(Living& living);
  void watch(int fd, const std::string& id);
  Time next_look() const;
  int ms_until(Time at) const;  // as epoll wants it
  void handle_container(const std::string& id, int fd);
  void handle_event(Living& living, container::ContainerEvent& event);
  void accept_all(Living& living);
  void finish_if_over(const std::string& id);

  // outputs.cc
  void read_pipe(Living& living, Pipe& pipe);
  void deliver(Living& living, int number, std::string text);
  void tend_outputs();
  Time next_output_look() const;
  // spawner_care.cc
  Result<void> replace_spawner();
  void handle_spawner();
  void tend_spawner();
  void lose_all(const char* why);
  // task_execs.cc
  void start_exec(const TaskId& task, container::ExecSpec spec, container::Stdio stdio,
                  ExecHooks hooks);
  void handle_exec(container::ContainerEvent& event);
  void lose_execs();
  // exchanges.cc
  void begin_exchange(Living& living);
  void end_exchange(Living& living, const container::ContainerEvent& event);

  // standbys.cc
  bool start_in_standby(TaskSpec& task);
  void begin_in_standby(Living& living, TaskSpec task, std::string message);
  bool start_as_copy(TaskSpec& task, const std::string& zygote, std::string message);
  // Whether it is ready now. Its message before that is the list of files that it has read.
  bool is_ready(Standby& standby, std::string_view more);
  void tend_standbys();
  Time next_standby_look() const;
  void begin_standby(const std::string& key, StandbyPolicy::Kind kind);
  void hear_standby(Living& living);
  void lose_standby(const Living& living);
  void lose_copy(const Living& living);
  static const std::string& key_of(const Standby& standby);
  void on_became(Living& living, const std::string& error);
  Result<void> tell_task(const Standby& standby);
  // The task that it was to become starts in a container of its own.
  void start_afresh(TaskSpec task, bool unwanted);

  const WorkerOptions options_;
  container::Spawner& spawner_;
  Events& events_;
  Janitor janitor_;
  HotFiles hot_files_;
  UniqueFd epoll_, wake_;
  std::mutex mutex_;
  std::vector<Work> queue_;                                    // guarded by mutex_
  bool stopping_ = false;                                      // guarded by mutex_
  std::unordered_map<std::string, Living> living_;             // of the thread
  std::unordered_map<int, std::string> id_of_fd_;              // of the thread
  std::vector<int> waiting_pipes_;                             // of the thread
  std::unordered_map<std::string, std::string> container_of_;  // by task; of the thread
  struct RunningExec {
    ExecHooks hooks;
    bool started = false;
    TaskId task;
  };
  std::unordered_map<std::string, RunningExec> execs_;  // of the thread
  const Clock& clock_;
  SpawnerWatch watch_;                         // of the thread
  StandbyPolicy policy_;                       // of the thread
  std::map<std::string, TaskSpec> templates_;  // by key of a standby; of the thread
  std::uint64_t last_standby_ = 0;
  Time next_look_ = Time::min();  // at the standbys
  std::atomic<std::uint64_t> ready_ = 0, taken_ = 0, missing_ = 0, copied_ = 0, zygotes_ = 0;
  bool spawner_lost_ = false;  // there is none now; of the thread
  bool sends_later_ = false;   // to the spawner, and waits until it can; of the thread
  std::thread thread_;
};

}  // namespace ionian::worker
