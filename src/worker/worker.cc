#include "worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "container/spec.pb.h"
#include "worker/buckets.h"
#include "worker/task_container.h"

namespace ionian::worker {
namespace {

constexpr Duration kQuiet = 150ms;
constexpr Duration kLongestWait = 1h;
constexpr std::size_t kEarlyConnectionsMax = 16;

// A pipe whose reading end does not block; the writing end goes into the container.
Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return sys_fail("pipe");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace

Worker::Worker(WorkerOptions options, container::Spawner& spawner, Events& events,
               const Clock& clock)
    : options_(std::move(options)),
      spawner_(spawner),
      events_(events),
      hot_files_(options_.folder + ".hot"),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      clock_(clock),
      watch_(options_.spawner_silence),
      policy_({.most = options_.standbys, .zygotes = options_.zygotes, .quiet = kQuiet}) {
  for (int fd : {wake_.get(), spawner_.fd()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  }
  clear_folder();
  thread_ = std::thread([this] { main(); });
}

// What tasks of a former life have left goes out of the way at once, and off the disk in its own
// time.
void Worker::clear_folder() {
  const std::string trash = options_.folder + ".trash";
  (void)make_folders(trash, 0700);
  (void)::rename(options_.folder.c_str(),
                 cat(trash, '/', ::getpid(), '.', ::time(nullptr)).c_str());
  (void)make_folders(options_.folder, 0700);
  janitor_.remove(trash);
}

Worker::~Worker() {
  post([this] {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  });
  thread_.join();
}

void Worker::post(Work work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void Worker::start(TaskSpec spec) {
  post([this, spec = std::move(spec)]() mutable { start_task(std::move(spec)); });
}

void Worker::stop(const TaskId& id) {
  post([this, id] { send_signal(id.str(), SIGTERM); });
}

void Worker::interrupt(const TaskId& id) {
  post([this, id] { send_signal(id.str(), SIGINT); });
}

void Worker::kill(const TaskId& id) {
  post([this, id] { send_signal(id.str(), SIGKILL); });
}

void Worker::send_signal(const std::string& task, int signo) {
  const auto container = container_of_.find(task);
  if (container == container_of_.end()) return;
  const auto living = living_.find(container->second);
  const bool becoming = living != living_.end() && living->second.standby;
  if (becoming) living->second.standby->unwanted = true;
  if (becoming || signo == SIGKILL)
    (void)spawner_.kill_tree(container->second);
  else
    (void)spawner_.signal(container->second, signo);
}

void Worker::start_job(container::ContainerSpec spec, Job job) {
  post([this, spec = std::move(spec), job = std::move(job)] {
    Living living{.id = spec.id()};
    living.upper = spec.upper_dir();
    living.keep_upper = true;
    living.job = job;
    launch(std::move(living), spec);
  });
}

void Worker::kill_job(const std::string& id) {
  post([this, id] { (void)spawner_.kill_tree(id); });
}

// When something is to be done although nothing happens.
Time Worker::next_look() const {
  return std::min(
      {next_standby_look(), next_output_look(), spawner_lost_ ? Time::max() : watch_.again()});
}

int Worker::ms_until(Time at) const {
  if (at == Time::max()) return -1;
  const Duration left = std::clamp(at - clock_.now(), Duration(0), kLongestWait);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

void Worker::main() {
  std::vector<epoll_event> events(256);
  for (;;) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               ms_until(next_look()));
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_.get()) {
        std::uint64_t count;
        [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
      } else if (fd == spawner_.fd()) {
        handle_spawner();
      } else if (const auto it = id_of_fd_.find(fd); it != id_of_fd_.end()) {
        handle_container(std::string(it->second), fd);
      }
    }
    std::vector<Work> work;
    {
      std::lock_guard lock(mutex_);
      work.swap(queue_);
    }
    for (Work& w : work) w();
    tend_standbys();
    tend_spawner();
    tend_outputs();
    std::lock_guard lock(mutex_);
    if (stopping_ && queue_.empty()) break;
  }
  for (auto& [id, living] : living_)
    for (auto& [volume, done] : living.exchanges) done(fail(Code::kUnavailable, "the server ends"));
}

Result<UniqueFd> Worker::make_socket(const std::string& folder) {
  // Through the folder's descriptor: a socket's address holds 107 bytes, a data folder's path may
  // be longer.
  UniqueFd at(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) return sys_fail(cat("open ", folder));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return sys_fail("socket");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = cat("/proc/self/fd/", at.get(), "/server.sock");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return sys_fail(cat("bind a socket in ", folder));
  // The container's users all may connect: the socket is reachable by its bind mount alone.
  if (::fchmodat(at.get(), "server.sock", 0666, 0) != 0)
    return sys_fail("chmod of a task's socket");
  if (::listen(listener.get(), 64) != 0) return sys_fail("listen");
  return listener;
}

Result<void> Worker::give_folder(Living& living) {
  living.folder = cat(options_.folder, '/', living.id);
  TRY(make_folders(living.folder, 0700));
  ASSIGN_OR_RETURN(living.listener, make_socket(living.folder));
  watch(living.listener.get(), living.id);
  return {};
}

std::string Worker::upper_of(const TaskId& id) const {
  return cat(options_.folder, '/', id.str(), "/upper");
}

void Worker::start_task(TaskSpec task) {
  if (!start_in_standby(task)) launch_task(task);
}

void Worker::launch_task(const TaskSpec& task) {
  Living living{.id = task.task_id(), .task = task.task_id()};
  if (Result<void> given = give_folder(living); !given)
    return events_.ended(TaskId(task.task_id()),
                         {.failed_start = given.error().message, .of_machine = true});
  if (task.buckets_size() > 0) (void)make_folders(empty_root(living.folder));
  living.upper = upper_of(TaskId(task.task_id()));
  living.keep_upper = task.keep_upper();
  container_of_[living.task] = living.id;
  container::ContainerSpec spec = container_of_task(task, living.id, living.folder);
  launch(std::move(living), std::move(spec));
}

void Worker::launch(Living living, container::ContainerSpec spec) {
  container::Stdio stdio;
  for (int number : {1, 2}) {
    auto pipe = make_pipe();
    if (!pipe) {
      living.end = TaskEnd{.failed_start = pipe.error().message, .of_machine = true};
      break;
    }
    (number == 1 ? stdio.out : stdio.err) = std::move(pipe->second);
    watch(pipe->first.get(), living.id);
    living.pipes.push_back({.fd = std::move(pipe->first), .number = number, .text = {}});
  }
  if (!living.end && spawner_lost_)
    if (Result<void> again = replace_spawner(); !again)
      living.end = TaskEnd{.failed_start = again.error().message, .lost = true};
  if (!living.end)
    if (Result<void> sent = spawner_.launch(spec, std::move(stdio)); !sent)
      living.end = TaskEnd{.failed_start = sent.error().message, .of_machine = true};
  const std::string id = living.id;
  living_.insert_or_assign(id, std::move(living));
  finish_if_over(id);
}

void Worker::watch(int fd, const std::string& id) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  id_of_fd_[fd] = id;
}

void Worker::handle_event(Living& living, container::ContainerEvent& event) {
  switch (event.kind) {
    case container::ContainerEvent::kStarted:
      living.started = true;
      if (living.standby) {
        living.standby->netns = std::move(event.netns);
        if (!living.standby->zygote.empty()) policy_.copied(key_of(*living.standby));
        if (living.standby->loaded) on_became(living, "");
      } else if (!living.task.empty())
        events_.started(TaskId(living.task), std::move(event.netns));
      return;
    case container::ContainerEvent::kBecame:
      return on_became(living, event.error);
    case container::ContainerEvent::kExecStarted:
    case container::ContainerEvent::kExecFailed:
    case container::ContainerEvent::kExecExited:
    case container::ContainerEvent::kPong:
      return;  // of no container
    case container::ContainerEvent::kExchanged:
      return end_exchange(living, event);
    case container::ContainerEvent::kFailed:
      living.end = TaskEnd{.failed_start = event.error, .of_machine = event.of_machine};
      living.not_copied = event.not_copied;
      break;
    case container::ContainerEvent::kExited:
      living.end = TaskEnd{
          .exit_code = event.exit_code, .signal = event.signal, .out_of_memory = event.oom_killed};
      if (living.keep_upper) living.end->upper = living.upper, living.end->id_base = event.id_base;
      break;
  }
  // The whole tree has gone, so what the pipes still hold is all that will ever come.
  for (Pipe& pipe : living.pipes)
    if (pipe.fd) read_pipe(living, pipe);
  finish_if_over(std::string(living.id));
}

void Worker::handle_container(const std::string& id, int fd) {
  const auto it = living_.find(id);
  if (it == living_.end()) return;
  Living& living = it->second;
  if (living.listener && fd == living.listener.get()) return accept_all(living);
  if (living.standby && fd == living.standby->control.get()) return hear_standby(living);
  for (Pipe& pipe : living.pipes)
    if (pipe.fd && pipe.fd.get() == fd) read_pipe(living, pipe);
  finish_if_over(id);
}

void Worker::accept_all(Living& living) {
  for (;;) {
    UniqueFd connection(
        ::accept4(living.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return;
    if (!living.standby) {
      events_.connected(TaskId(living.task), std::move(connection));
    } else if (!living.standby->control) {  // its own comes first
      watch(connection.get(), living.id);
      living.standby->control = std::move(connection);
    } else if (living.standby->connections.size() < kEarlyConnectionsMax) {
      living.standby->connections.push_back(std::move(connection));
    }
  }
}

void Worker::finish_if_over(const std::string& id) {
  const auto it = living_.find(id);
  if (it == living_.end() || !it->second.end) return;
  for (Pipe& pipe : it->second.pipes)
    if (pipe.fd) read_pipe(it->second, pipe);
  Living living = std::move(it->second);
  living_.erase(it);
  if (living.listener) id_of_fd_.erase(living.listener.get());
  living.listener.reset();
  container_of_.erase(living.task);
  for (auto& [volume, done] : living.exchanges)
    done(fail(Code::kUnavailable, "the container has ended"));
  if (living.standby) {
    if (living.standby->control) id_of_fd_.erase(living.standby->control.get());
    if (living.not_copied) lose_copy(living);
    if (living.standby->next)
      start_afresh(std::move(*living.standby->next), living.standby->unwanted);
    else
      lose_standby(living);
  } else if (!living.task.empty()) {
    events_.ended(TaskId(living.task), *living.end);
  } else {
    living.job.ended(*living.end);
  }
  if (!living.folder.empty() && !living.keep_upper) janitor_.remove(living.folder);
}

}  // namespace ionian::worker
