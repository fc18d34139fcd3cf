// Standbys: interpreters that have loaded the runtime and wait for their task. See StandbyPolicy
// for how many, and standby.py for what waits.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <csignal>

#include "base/file.h"
#include "base/log.h"
#include "container/spec.pb.h"
#include "worker/buckets.h"
#include "worker/task_container.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

// More than this does not fit into a socket at once, and no environment is that large.
constexpr std::size_t kMessageMax = 128 << 10;
// What nobody tells of is looked at that often: time passes, and memory gets short.
constexpr Duration kLook = 1s;
constexpr std::size_t kSaidMax = 2000;

std::string message_of(const TaskSpec& task) {
  std::string body = task.workdir();
  for (const auto& [name, value] : task.env()) body.append(1, '\0').append(cat(name, "=", value));
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string message;
  for (int shift = 0; shift < 32; shift += 8) message += static_cast<char>(size >> shift);
  return message + body;
}

// What it does pays for all that follow, so that it has its share of a busy machine.
void make_zygote(container::ContainerSpec& spec) {
  spec.set_zygote(true);
  spec.set_network(container::NETWORK_NONE);
  spec.clear_user();
  spec.set_background(false);
}

}  // namespace

bool Worker::start_in_standby(TaskSpec& task) {
  const std::string& key = task.standby().key();
  if (key.empty() || options_.standbys == 0) return false;
  std::string message = message_of(task);
  if (message.size() > kMessageMax) return false;
  // What is bound into it, such as a GPU or a bucket, must be there from its start.
  const bool bound = task.binds_size() > 0 || task.buckets_size() > 0;
  std::optional<std::string> id;
  if (bound)
    policy_.came_bound(key, clock_.now());
  else
    id = policy_.take(key, clock_.now());
  if (!templates_.contains(key)) {
    TaskSpec& kept = templates_[key];
    *kept.mutable_standby() = task.standby();
    *kept.mutable_command() = task.command();
    kept.set_network(task.network());
    kept.set_user(task.user());
    if (!task.user().empty()) policy_.forbid_zygote(key);
    hot_files_.read_ahead(key, {task.standby().lowers().begin(), task.standby().lowers().end()});
  }
  next_look_ = Time::min();
  const auto it = id ? living_.find(*id) : living_.end();
  if (it == living_.end()) {
    if (!bound) ++missing_;
    const std::optional<std::string> zygote = policy_.zygote(key);
    return zygote && start_as_copy(task, *zygote, std::move(message));
  }
  ++taken_;
  Living& living = it->second;
  begin_in_standby(living, std::move(task), std::move(message));
  const auto spec = container_of_task(*living.standby->next, living.id, living.folder);
  // A spawner that has died is noticed by its events.
  (void)spawner_.become(spec);
  return true;
}

void Worker::begin_in_standby(Living& living, TaskSpec task, std::string message) {
  living.task = task.task_id();
  container_of_[living.task] = living.id;
  living.standby->message = std::move(message);
  living.standby->next = std::move(task);
}

// The container is the task's from the start. What it may not be, the spawner refuses, and the task
// starts afresh.
bool Worker::start_as_copy(TaskSpec& task, const std::string& zygote, std::string message) {
  Living living{.id = cat("copy-", ++last_standby_)};
  living.standby = std::make_unique<Standby>();
  if (!give_folder(living)) return false;
  if (task.buckets_size() > 0) (void)make_folders(empty_root(living.folder));
  container::ContainerSpec spec = container_of_task(task, living.id, living.folder);
  spec.set_forked_from(living.standby->zygote = zygote);
  begin_in_standby(living, std::move(task), std::move(message));
  ++copied_;
  launch(std::move(living), std::move(spec));
  return true;
}

void Worker::on_became(Living& living, const std::string& error) {
  if (!living.standby || !living.standby->next) return;
  Result<void> told = error.empty() ? tell_task(*living.standby) : fail(Code::kInternal, error);
  if (!told) {
    log::warning("a standby could not become task ", living.task, ": ", told.error().message);
    // Its end starts the task in a container of its own.
    return (void)spawner_.kill_tree(living.id);
  }
  const std::unique_ptr<Standby> standby = std::move(living.standby);
  id_of_fd_.erase(standby->control.get());
  events_.started(TaskId(living.task), std::move(standby->netns));
  for (auto& [number, text] : standby->early)
    events_.output(TaskId(living.task), number, std::move(text));
  for (UniqueFd& connection : standby->connections)
    events_.connected(TaskId(living.task), std::move(connection));
}

Result<void> Worker::tell_task(const Standby& standby) {
  const std::string& message = standby.message;
  const int size = static_cast<int>(2 * kMessageMax);
  (void)::setsockopt(standby.control.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  const ssize_t sent =
      ::send(standby.control.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(message.size())) return sys_fail("tell a standby its task");
  return {};
}

void Worker::start_afresh(TaskSpec task, bool unwanted) {
  log::info("task ", task.task_id(), " starts in a container that nobody has prepared");
  if (unwanted) return events_.ended(TaskId(task.task_id()), {.signal = SIGKILL});
  launch_task(task);
}

bool Worker::is_ready(Standby& standby, std::string_view more) {
  std::string& said = standby.said.append(more);
  if (const std::size_t end = said.find('\0'); end != said.npos) {
    if (!standby.key.empty()) hot_files_.remember(standby.key, said.substr(0, end));
    said.erase(0, end + 1);
  }
  if (said != "r") return false;
  said.clear();
  return true;
}

// It has loaded what it needs, or it has gone.
void Worker::hear_standby(Living& living) {
  char bytes[16 << 10];
  const ssize_t n = ::recv(living.standby->control.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0) return;
  const bool ready =
      n > 0 && is_ready(*living.standby, std::string_view(bytes, static_cast<std::size_t>(n)));
  if (n > 0 && !ready && living.standby->said.size() <= HotFiles::kListBytesMax) return;
  next_look_ = Time::min();
  if (ready && living.standby->next) {
    living.standby->loaded = true;
    return living.started ? on_became(living, "") : void();
  }
  if (ready) return policy_.ready(living.id);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, living.standby->control.get(), nullptr);
  (void)spawner_.kill_tree(living.id);
}

void Worker::lose_standby(const Living& living) {
  next_look_ = Time::min();
  if (!policy_.ended(living.id, clock_.now())) return;
  std::string said = living.end->failed_start;
  for (const auto& [number, text] : living.standby->early) said += text;
  log::info("a standby ended before its task came: ", said.substr(0, kSaidMax));
}

const std::string& Worker::key_of(const Standby& standby) {
  return standby.next ? standby.next->standby().key() : standby.key;
}

void Worker::lose_copy(const Living& living) {
  next_look_ = Time::min();
  policy_.not_copied(key_of(*living.standby), living.standby->zygote, living.id);
  log::warning("a zygote made no copy: ", living.end->failed_start.substr(0, kSaidMax));
}

Time Worker::next_standby_look() const {
  return policy_.restless() ? std::min(next_look_, clock_.now() + kLook) : Time::max();
}

void Worker::tend_standbys() {
  const Time now = clock_.now();
  if (!policy_.restless() || now < next_look_) return;
  const StandbyPolicy::Wish wish = policy_.decide(now, options_.memory_short());
  next_look_ = std::min(now + kLook, wish.again.value_or(Time::max()));
  for (const std::string& id : wish.end) (void)spawner_.kill_tree(id);
  if (wish.begin) begin_standby(*wish.begin, wish.kind);
  std::erase_if(templates_, [&](const auto& each) { return !policy_.knows(each.first); });
  ready_ = policy_.ready_count();
  zygotes_ = policy_.ready_count(StandbyPolicy::Kind::kZygote);
}

void Worker::begin_standby(const std::string& key, StandbyPolicy::Kind kind) {
  const bool zygote = kind == StandbyPolicy::Kind::kZygote;
  Living living{.id = cat(zygote ? "zygote-" : "standby-", ++last_standby_)};
  living.standby = std::make_unique<Standby>();
  living.standby->key = key;
  policy_.began(key, living.id, clock_.now(), kind);
  if (Result<void> given = give_folder(living); !given) {
    log::warning("no standby: ", given.error().message);
    return (void)policy_.ended(living.id, clock_.now());
  }
  container::ContainerSpec spec =
      container_of_standby(templates_.at(key), living.id, living.folder);
  if (zygote)
    make_zygote(spec);
  else
    spec.set_forked_from(living.standby->zygote = policy_.zygote(key).value_or(""));
  launch(std::move(living), std::move(spec));
}

Worker::StandbyCounts Worker::standby_counts() const {
  return {.ready = ready_,
          .taken = taken_,
          .missing = missing_,
          .zygotes = zygotes_,
          .copied = copied_,
          .read_ahead = hot_files_.files_read()};
}

}  // namespace ionian::worker
