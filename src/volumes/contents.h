#pragma once
// The bytes of volumes' files, each stored once and whole:
// ROOT/<workspace>/files/ab/<content>.<mode>. Such a file never changes, so that layers hard-link
// it; a content that files of several modes have is there once for each. A file exists only once
// all of it is on disk under its name. One whose bytes turn out not to be what was stored is set
// aside, as NAME.damaged: from then on it is missing, nobody mounts or serves it, and whoever
// brings the content puts a whole one in its place. All methods may be called from any thread.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "volumes/blocks.h"

namespace ionian::volumes {

// After so many tries of Contents::try_exclude() in vain, the next one waits for so long.
struct Patience {
  int tries = 10;
  Duration wait = 5s;
};

class Contents {
 public:
  // Makes `root`, and removes what a former life left half done.
  static Result<std::unique_ptr<Contents>> open_folder(std::string root,
                                                       const Patience& patience = {});

  // Files on their way in. While it lives nothing is removed from the store, so that what it has
  // found or brought is still there when the records that name it are written.
  class Batch {
   public:
    // Whether the records have this content, and with it a file that is whole.
    using Known = std::function<bool(std::string_view id)>;
    Batch(Contents& store, WorkspaceId workspace, Known known);
    Batch(Batch&&) = default;
    ~Batch();

    // A copy of an open file, as it is while it is read.
    Result<store::VolumeContent> add(int fd, std::uint32_t mode, std::int64_t mtime_ns);
    // A file that never changes, on the same file system: linked where its mode fits.
    Result<store::VolumeContent> add_lasting(const std::string& path, std::uint32_t mode);
    // A whole file of this content, which moves.
    void add_finished(const std::string& path, const store::VolumeContent& content,
                      std::uint32_t mode);
    // One that the store has, perhaps under another mode, or without a record: whoever brought it
    // ended before that was written.
    //   errors   DATA_LOSS it is not there
    Result<void> add_stored(const store::VolumeContent& content, std::uint32_t mode);

    // Makes all of them durable, then visible.
    Result<void> commit();

   private:
    struct Pending {
      std::string from, to;
    };
    std::string temporary() const;
    Result<store::VolumeContent> keep(std::string path, store::VolumeContent content,
                                      std::uint32_t mode);

    Contents* store_;
    std::shared_lock<std::shared_timed_mutex> lock_;
    WorkspaceId workspace_;
    Known known_;
    std::vector<Pending> pending_;
    std::unordered_set<std::string> names_;  // of what is pending
  };

  std::string path_of(const WorkspaceId& workspace, std::string_view id, std::uint32_t mode) const;
  // Whether a content has a file.
  bool has(const WorkspaceId& workspace, std::string_view id) const {
    return !files_of(workspace, id).empty();
  }
  // Hears of each content of which a file was set aside. Before there are calls.
  using Damage = std::function<void(const WorkspaceId& workspace, const std::string& id)>;
  void on_damage(Damage damage) { damage_ = std::move(damage); }

  // A block's bytes, proven by their hash. Sets a file aside that has others.
  //   errors   DATA_LOSS they are others, or gone
  Result<std::string> read_block(const WorkspaceId& workspace, const store::VolumeContent& content,
                                 std::uint64_t number) const;
  // What is wrong with the files of a content; empty if nothing is. Sets aside those that have
  // other bytes. `pace` is told of the bytes that were read, and says whether to go on; if not,
  // nothing is wrong.
  using Pace = std::function<bool(std::size_t bytes)>;
  std::vector<std::string> check(const store::StoredContent& stored, const Pace& pace = {}) const;

  // Nobody brings or relies on anything while this is held; not owned if somebody does. After some
  // tries in vain it waits for those who do, and new ones wait for it: where somebody is always at
  // it, nothing would ever be removed.
  std::unique_lock<std::shared_timed_mutex> try_exclude();
  // Whether it waits, and others for it.
  bool is_waited_for() const { return is_waited_for_; }
  // Under try_exclude(), once the records do not have it any more.
  void remove(const store::StoredContent& stored) const;
  // What has files in one of kParts parts of a workspace, which are numbered from 0; ids only.
  static constexpr unsigned kParts = 256;
  std::vector<store::StoredContent> list_part(const WorkspaceId& workspace, unsigned part) const;
  const std::string& root() const { return root_; }

 private:
  Contents(std::string root, const Patience& patience)
      : root_(std::move(root)), patience_(patience) {}
  std::shared_lock<std::shared_timed_mutex> share();
  std::string folder_of(const WorkspaceId& workspace, std::string_view id) const;
  // The files of all modes.
  std::vector<std::string> files_of(const WorkspaceId& workspace, std::string_view id) const;

  // `fd`: what was read under this name, and has other bytes.
  void set_aside(const WorkspaceId& workspace, std::string_view id, const std::string& path,
                 int fd) const;

  const std::string root_;
  Damage damage_;
  const Patience patience_;
  std::atomic<int> in_vain_ = 0;
  std::atomic<bool> is_waited_for_ = false;
  std::shared_timed_mutex mutex_;
  std::mutex door_;  // to `mutex_`: closed while somebody waits to exclude all others
  // Of what a name stands for: nothing whole is set aside that came in a damaged one's place.
  mutable std::mutex names_;
};

}  // namespace ionian::volumes
