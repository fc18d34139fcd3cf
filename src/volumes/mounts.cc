#include "volumes/mounts.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "volumes/write.h"

namespace ionian::volumes {
namespace {

// A program that writes all the time would be chased for ever.
constexpr int kStragglersMax = 3;

}  // namespace

Result<std::unique_ptr<Mounts>> Mounts::open_folder(std::string folder, Parts parts,
                                                    Duration interval) {
  TRY(make_folders(folder, 0700));
  return std::unique_ptr<Mounts>(new Mounts(std::move(folder), std::move(parts), interval));
}

Mounts::Mounts(std::string folder, Parts parts, Duration interval)
    : folder_(std::move(folder)), p_(std::move(parts)), interval_(interval) {
  if (interval_ > 0ns) thread_ = std::thread([this] { main(); });
}

Mounts::~Mounts() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::string Mounts::new_folder(const TaskId& task) {
  std::lock_guard lock(mutex_);
  return cat(folder_, '/', task, '.', ++next_);
}

Overlay Mounts::overlay_of(const Mounted& m) const {
  return {.volume = m.wish.volume,
          .target = m.wish.target,
          .lowers = m.stack.paths(),
          .upper = m.folder + "/upper",
          .work = m.folder + "/work",
          .read_only = m.wish.read_only,
          .sub_path = m.wish.sub_path};
}

Result<std::vector<Overlay>> Mounts::prepare(const TaskId& task,
                                             const std::vector<MountWish>& wishes) {
  std::vector<Overlay> overlays;
  for (const MountWish& wish : wishes) {
    auto mounted = std::make_shared<Mounted>();
    mounted->task = task;
    mounted->wish = wish;
    ASSIGN_OR_RETURN(mounted->wish.sub_path, clean_path(wish.sub_path));
    ASSIGN_OR_RETURN(mounted->stack, p_.layers.stack_of(wish.workspace, wish.volume));
    mounted->folder = new_folder(task);
    TRY(make_folders(mounted->folder, 0700));
    overlays.push_back(overlay_of(*mounted));
    std::lock_guard lock(mutex_);
    mounted_[task].push_back(std::move(mounted));
  }
  return overlays;
}

Result<void> Mounts::each_of_task(const TaskId& task, const std::string* volume,
                                  const std::function<Result<void>(Mounted&)>& f) {
  std::vector<MountedPtr> found;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = mounted_.find(task); it != mounted_.end())
      for (const MountedPtr& mounted : it->second)
        if (!volume || mounted->wish.volume == *volume) found.push_back(mounted);
  }
  if (found.empty() && volume)
    return fail(Code::kNotFound, "volume '", *volume, "' is not mounted in this container");
  for (const MountedPtr& mounted : found) {
    std::lock_guard lock(mounted->mutex);
    TRY(f(*mounted));
  }
  return {};
}

Result<bool> Mounts::commit_one(Mounted& m) {
  const std::string upper = m.folder + "/upper";
  // The container has not got so far.
  if (m.wish.read_only || ::access(upper.c_str(), F_OK) != 0) return false;
  Contents::Batch batch(p_.contents, m.wish.workspace, known_contents(p_.store, m.wish.workspace));
  Seen seen = m.seen;
  ASSIGN_OR_RETURN(const std::vector<Change> changes,
                   scan_upper({.folder = upper, .lowers = m.stack.paths()}, batch, seen));
  if (changes.empty()) return false;
  TRY(write_changes(p_.store, batch, {m.wish.volume, m.wish.workspace}, changes, Manner::kContainer,
                    p_.limits, p_.clock.now()));
  m.seen = std::move(seen);
  return true;
}

Result<void> Mounts::commit(const TaskId& task, const std::string& volume) {
  return each_of_task(task, &volume, [this](Mounted& mounted) -> Result<void> {
    TRY(commit_one(mounted));
    // The container goes on with what all have committed, unless it has files open, or one of the
    // files is damaged: then with what it had, until it asks.
    const Result<void> shown = reload_one(mounted);
    if (shown || shown.error().code == Code::kFailedPrecondition ||
        shown.error().code == Code::kDataLoss)
      return {};
    return shown;
  });
}

Result<void> Mounts::reload(const TaskId& task, const std::string& volume) {
  return each_of_task(task, &volume,
                      [this](Mounted& mounted) { return commit_and_reload(mounted); });
}

Result<void> Mounts::reload_all(const TaskId& task) {
  return each_of_task(task, nullptr,
                      [this](Mounted& mounted) { return commit_and_reload(mounted); });
}

Result<void> Mounts::commit_and_reload(Mounted& mounted) {
  TRY(commit_one(mounted));
  return reload_one(mounted);
}

Result<void> Mounts::reload_one(Mounted& m) {
  for (int round = 0; round < kStragglersMax; ++round) {
    Mounted next;
    next.task = m.task;
    next.wish = m.wish;
    ASSIGN_OR_RETURN(next.stack, p_.layers.stack_of(m.wish.workspace, m.wish.volume));
    next.folder = new_folder(m.task);
    TRY(make_folders(next.folder, 0700));
    if (Result<void> done = exchanger_->exchange(m.task, overlay_of(next)); !done) {
      p_.remove(next.folder);
      return done;
    }
    // What was written between the commit and the exchange is committed too; then it must be shown.
    const Result<bool> stragglers = commit_one(m);
    p_.remove(m.folder);
    m.stack = std::move(next.stack);
    m.folder = std::move(next.folder);
    m.seen = {};
    if (!stragglers) return std::unexpected(stragglers.error());
    if (!*stragglers) return {};
  }
  return {};
}

void Mounts::commit_in_background(Mounted& m) {
  if (!m.wish.background_commits) return;
  const Result<bool> done = commit_one(m);
  if (!done && done.error().code != Code::kNotFound)
    log::warning("what task ", m.task, " wrote to volume ", m.wish.volume,
                 " was not committed: ", done.error().message);
}

void Mounts::ended(const TaskId& task) {
  std::vector<MountedPtr> mounts;
  {
    std::lock_guard lock(mutex_);
    const auto it = mounted_.find(task);
    if (it == mounted_.end()) return;
    mounts = std::move(it->second);
    mounted_.erase(it);
  }
  const auto last = [this, mounts] {
    for (const MountedPtr& mounted : mounts) {
      std::lock_guard lock(mounted->mutex);
      commit_in_background(*mounted);
      p_.remove(mounted->folder);
      mounted->stack = {};
    }
  };
  if (!p_.pool.post(last)) last();
}

void Mounts::commit_all() {
  std::vector<MountedPtr> all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [task, mounts] : mounted_) all.insert(all.end(), mounts.begin(), mounts.end());
  }
  for (const MountedPtr& mounted : all) {
    // One that is at it needs no second.
    std::unique_lock lock(mounted->mutex, std::try_to_lock);
    if (lock) commit_in_background(*mounted);
  }
}

void Mounts::main() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    commit_all();
    lock.lock();
  }
}

}  // namespace ionian::volumes
