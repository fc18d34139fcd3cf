#include "volumes/mounts.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "store/objects.h"
#include "volumes/write.h"

namespace ionian::volumes {
namespace {

// A program that writes all the time would be chased for ever.
constexpr int kStragglersMax = 3;
// For as long, and as often, a last commit is tried again.
constexpr Duration kFinishWithin = 1h, kFinishEvery = 10s;

}  // namespace

Result<std::unique_ptr<Mounts>> Mounts::open_folder(std::string folder, Parts parts,
                                                    Duration interval) {
  TRY(make_folders(folder, 0700));
  return std::unique_ptr<Mounts>(new Mounts(std::move(folder), std::move(parts), interval));
}

Mounts::Mounts(std::string folder, Parts parts, Duration interval)
    : folder_(std::move(folder)), p_(std::move(parts)), interval_(interval) {
  thread_ = std::thread([this] { main(); });
}

Mounts::~Mounts() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (const MountedPtr& mounted : unfinished_) give_up(*mounted, "the server is stopping");
}

std::string Mounts::new_folder(const TaskId& task) {
  std::lock_guard lock(mutex_);
  return cat(folder_, '/', task, '.', ++next_);
}

Overlay Mounts::overlay_of(const MountWish& wish, const Written& written) {
  return {.volume = wish.volume,
          .target = wish.target,
          .lowers = written.stack.paths(),
          .upper = written.folder + "/upper",
          .work = written.folder + "/work",
          .read_only = wish.read_only,
          .sub_path = wish.sub_path};
}

Result<std::vector<Overlay>> Mounts::prepare(const TaskId& task,
                                             const std::vector<MountWish>& wishes) {
  std::vector<Overlay> overlays;
  for (const MountWish& wish : wishes) {
    auto mounted = std::make_shared<Mounted>();
    mounted->task = task;
    mounted->wish = wish;
    ASSIGN_OR_RETURN(mounted->wish.sub_path, clean_path(wish.sub_path));
    ASSIGN_OR_RETURN(mounted->now.stack, p_.layers.stack_of(wish.workspace, wish.volume));
    mounted->now.folder = new_folder(task);
    TRY(make_folders(mounted->now.folder, 0700));
    overlays.push_back(overlay_of(mounted->wish, mounted->now));
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

Result<bool> Mounts::commit_one(Mounted& m, Asked asked) {
  bool former = false;
  // First, for what it has written since wins.
  if (m.former) {
    ASSIGN_OR_RETURN(former, commit_written(m, *m.former, asked));
    p_.remove(m.former->folder);
    m.former.reset();
  }
  ASSIGN_OR_RETURN(const bool now, commit_written(m, m.now, asked));
  return former || now;
}

Result<bool> Mounts::commit_written(const Mounted& m, Written& w, Asked asked) {
  const std::string upper = w.folder + "/upper";
  // The container has not got so far.
  if (m.wish.read_only || ::access(upper.c_str(), F_OK) != 0) return false;
  Contents::Batch batch(p_.contents, m.wish.workspace, known_contents(p_.store, m.wish.workspace));
  Seen seen = w.seen;
  ASSIGN_OR_RETURN(const std::vector<Change> changes,
                   scan_upper({.folder = upper, .lowers = w.stack.paths()}, batch, seen));
  if (changes.empty()) return false;
  const Target target{.volume = m.wish.volume,
                      .workspace = m.wish.workspace,
                      .deleted_too = asked == Asked::kByNobody};
  TRY(write_changes(p_.store, batch, target, changes, Manner::kContainer, p_.limits,
                    p_.clock.now()));
  w.seen = std::move(seen);
  return true;
}

Result<void> Mounts::commit(const TaskId& task, const std::string& volume) {
  return each_of_task(task, &volume, [this](Mounted& mounted) -> Result<void> {
    TRY(commit_one(mounted, Asked::kByContainer));
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
  TRY(commit_one(mounted, Asked::kByContainer));
  return reload_one(mounted);
}

Result<void> Mounts::reload_one(Mounted& m) {
  for (int round = 0; round < kStragglersMax; ++round) {
    Written next;
    ASSIGN_OR_RETURN(next.stack, p_.layers.stack_of(m.wish.workspace, m.wish.volume));
    next.folder = new_folder(m.task);
    TRY(make_folders(next.folder, 0700));
    if (Result<void> done = exchanger_->exchange(m.task, overlay_of(m.wish, next)); !done) {
      p_.remove(next.folder);
      return done;
    }
    // What was written between the commit and the exchange is committed too; then it must be shown.
    const Result<bool> stragglers = commit_written(m, m.now, Asked::kByContainer);
    if (stragglers)
      p_.remove(m.now.folder);
    else
      m.former = std::move(m.now);
    m.now = std::move(next);
    if (!stragglers) return std::unexpected(stragglers.error());
    if (!*stragglers) return {};
  }
  return {};
}

bool Mounts::is_gone(const MountWish& wish) {
  return p_.store.read([&](store::View& view) { return !store::object_exists(view, wish.volume); });
}

void Mounts::commit_in_background(Mounted& m) {
  if (!m.wish.background_commits) return;
  const Result<bool> done = commit_one(m, Asked::kByNobody);
  if (!done && !is_gone(m.wish))
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
    for (const MountedPtr& mounted : mounts) finish(mounted);
  };
  if (!p_.pool.post(last)) last();
}

void Mounts::finish(const MountedPtr& mounted) {
  Mounted& m = *mounted;
  std::lock_guard lock(m.mutex);
  const Result<bool> done = m.wish.background_commits ? commit_one(m, Asked::kByNobody) : false;
  if (!done && !is_gone(m.wish)) {
    const std::string& why = done.error().message;
    const Time now = p_.clock.now();
    if (!m.failed_at)
      log::warning("what task ", m.task, " wrote to volume ", m.wish.volume,
                   " last was not committed, which is tried again for an hour: ", why);
    if (!m.failed_at) m.failed_at = now;
    std::lock_guard of_list(mutex_);
    if (now - *m.failed_at < kFinishWithin && unfinished_.size() < kUnfinishedMax)
      return unfinished_.push_back(mounted);
    give_up(m, why);
  }
  if (m.former) p_.remove(m.former->folder);
  p_.remove(m.now.folder);
  m.former.reset();
  m.now.stack = {};
}

void Mounts::give_up(const Mounted& m, std::string_view why) {
  log::error("what task ", m.task, " wrote to volume ", m.wish.volume,
             " last could not be committed, and is lost: ", why);
}

void Mounts::finish_those_that_failed() {
  std::vector<MountedPtr> failed;
  {
    std::lock_guard lock(mutex_);
    failed.swap(unfinished_);
  }
  for (const MountedPtr& mounted : failed) finish(mounted);
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
  finish_those_that_failed();
}

void Mounts::main() {
  std::unique_lock lock(mutex_);
  const Duration every = interval_ > 0ns ? interval_ : kFinishEvery;
  while (!stop_.wait_for(lock, every, [this] { return stopping_; })) {
    lock.unlock();
    interval_ > 0ns ? commit_all() : finish_those_that_failed();
    lock.lock();
  }
}

}  // namespace ionian::volumes
