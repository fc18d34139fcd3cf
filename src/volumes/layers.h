#pragma once
// Volumes as folders that overlays stand on. A stack shows one version of a tree; the next version
// is one layer more, with what has changed. All of it is made from the records, so that nothing
// here need survive the server's end.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "base/pool.h"
#include "store/volumes.h"
#include "volumes/contents.h"

namespace ionian::volumes {

// A folder that goes when nobody stands on it any more.
struct Layer {
  std::string path;
  std::function<void(std::string)> remove;
  ~Layer() { remove(path); }
};

struct Stack {
  std::int64_t version = 0;
  std::vector<std::shared_ptr<const Layer>> layers;  // lowest first
  std::vector<std::string> paths() const;
};

class Layers {
 public:
  // `folder` has nothing of a former life. `remove` takes folders off the disk in its own time.
  static Result<std::unique_ptr<Layers>> open_folder(std::string folder, store::Store& store,
                                                     Contents& contents, Pool& pool,
                                                     std::function<void(std::string)> remove);

  // The tree as it is now, or a little newer.
  //   errors   NOT_FOUND no such volume · DATA_LOSS a file's bytes are missing
  Result<Stack> stack_of(const WorkspaceId& workspace, const std::string& volume);
  // There will be no more of it.
  void forget(const std::string& volume);

 private:
  struct Known {
    std::mutex mutex;
    Stack stack;           // guarded by mutex
    bool merging = false;  // guarded by mutex
    std::atomic<bool> forgotten = false;
  };
  // More than this, and the layers are made into one.
  static constexpr std::size_t kMergeAt = 24;
  // What the kernel stacks, less what overlays need besides.
  static constexpr std::size_t kMost = 400;
  static constexpr std::size_t kKnownMax = 256;

  Layers(std::string folder, store::Store& store, Contents& contents, Pool& pool,
         std::function<void(std::string)> remove);
  std::shared_ptr<Known> known_of(const std::string& volume);
  struct Made {
    std::int64_t version = 0;
    std::shared_ptr<const Layer> layer;  // none: nothing has changed
  };
  // Everything that has changed since `below`; all there is, if that has no layers.
  Result<Made> make(const WorkspaceId& workspace, const std::string& volume, const Stack& below);
  Result<Made> make_version(std::int64_t version, const WorkspaceId& workspace,
                            const std::string& volume, const Stack& below);
  void merge_later(const WorkspaceId& workspace, const std::string& volume,
                   const std::shared_ptr<Known>& known);
  void forget_removals(const std::string& volume, std::int64_t up_to);

  const std::string folder_;
  store::Store& store_;
  Contents& contents_;
  Pool& pool_;
  const std::function<void(std::string)> remove_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Known>> known_;  // guarded by mutex_
  std::uint64_t next_ = 0;                               // guarded by mutex_
};

}  // namespace ionian::volumes
