#pragma once
// Volumes as containers have them: an overlay each, whose lowers are a version of the tree and
// whose upper is what the container has changed. A commit makes that a change of the tree; a reload
// puts an overlay on the newest version in its place.
#include <condition_variable>
#include <thread>

#include "volumes/layers.h"
#include "volumes/upper.h"

namespace ionian::volumes {

// What a container is to get.
struct MountWish {
  std::string volume;
  WorkspaceId workspace;
  std::string target;
  bool read_only = false;
  std::string sub_path;
  bool background_commits = false;
};

// What its overlay is made of.
struct Overlay {
  std::string volume;
  std::string target;
  std::vector<std::string> lowers;  // lowest first
  std::string upper, work;          // not there yet
  bool read_only = false;
  std::string sub_path;
};

// Puts an overlay into the place of the one that a running container has. FAILED_PRECONDITION: a
// file in it is open.
class Exchanger {
 public:
  virtual ~Exchanger() = default;
  virtual Result<void> exchange(const TaskId& task, const Overlay& overlay) = 0;
};

class Mounts {
 public:
  struct Parts {
    store::Store& store;
    Contents& contents;
    Layers& layers;
    const Clock& clock;
    Pool& pool;
    std::function<void(std::string)> remove;
    Limits limits;
  };
  // `folder` holds what containers write, and has nothing of a former life. Every `interval` what
  // they have written is committed; 0 = only when they ask, and at their end.
  static Result<std::unique_ptr<Mounts>> open_folder(std::string folder, Parts parts,
                                                     Duration interval);
  ~Mounts();
  void connect(Exchanger& exchanger) { exchanger_ = &exchanger; }

  // For a container that is about to start. It ends with ended(), also if it never ran.
  Result<std::vector<Overlay>> prepare(const TaskId& task, const std::vector<MountWish>& wishes);
  // errors  NOT_FOUND not mounted there, or deleted · RESOURCE_EXHAUSTED limits, a full disk
  Result<void> commit(const TaskId& task, const std::string& volume);
  // Commits, and shows the container the newest version.
  //   errors   as commit() · FAILED_PRECONDITION files of it are open
  Result<void> reload(const TaskId& task, const std::string& volume);
  // The same of all that it has mounted; stops at the first that cannot be.
  Result<void> reload_all(const TaskId& task);
  // The container has gone: what it has not committed is, and its folders go. Where that cannot be,
  // on a full disk, it is tried again for an hour, for at most kUnfinishedMax of them.
  void ended(const TaskId& task);
  // Before the server ends; what has ended too.
  void commit_all();
  static constexpr std::size_t kUnfinishedMax = 1000;

 private:
  // An overlay: where the container writes, and on what.
  struct Written {
    Stack stack;
    std::string folder;
    Seen seen;
  };
  struct Mounted {
    TaskId task;
    MountWish wish;
    std::mutex mutex;  // of a commit or a reload
    Written now;       // guarded by mutex
    // What was written last before a reload, and could not be committed. Guarded by mutex.
    std::optional<Written> former;
    std::optional<Time> failed_at;  // its last commit, first; of the thread that has it
  };
  using MountedPtr = std::shared_ptr<Mounted>;

  Mounts(std::string folder, Parts parts, Duration interval);
  std::string new_folder(const TaskId& task);
  static Overlay overlay_of(const MountWish& wish, const Written& written);
  // Of one volume, or if that is null of all. Each under its mutex; stops at the first error.
  Result<void> each_of_task(const TaskId& task, const std::string* volume,
                            const std::function<Result<void>(Mounted&)>& f);
  // A container that asks hears that its volume was deleted. One that does not is not told, and
  // what it writes goes into the volume as long as that may be undeleted.
  enum class Asked { kByContainer, kByNobody };
  // Whether anything was committed. Under its mutex.
  Result<bool> commit_one(Mounted& mounted, Asked asked);
  Result<bool> commit_written(const Mounted& mounted, Written& written, Asked asked);
  Result<void> reload_one(Mounted& mounted);
  Result<void> commit_and_reload(Mounted& mounted);
  void commit_in_background(Mounted& mounted);
  bool is_gone(const MountWish& wish);  // its volume was deleted for good
  void finish(const MountedPtr& mounted);
  void give_up(const Mounted& mounted, std::string_view why);
  void finish_those_that_failed();
  void main();

  const std::string folder_;
  Parts p_;
  const Duration interval_;
  Exchanger* exchanger_ = nullptr;
  std::mutex mutex_;
  std::condition_variable stop_;
  std::map<TaskId, std::vector<MountedPtr>> mounted_;  // guarded by mutex_
  std::vector<MountedPtr> unfinished_;                 // guarded by mutex_
  std::uint64_t next_ = 0;                             // guarded by mutex_
  bool stopping_ = false;                              // guarded by mutex_
  std::thread thread_;
};

}  // namespace ionian::volumes
