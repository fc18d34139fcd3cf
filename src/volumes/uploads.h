#pragma once
// Files that clients send block by block. Each grows in ROOT/<workspace>/incoming/<content>, every
// block at its place; a block counts once its hash was proven. What came before a cut, or the
// server's own end, is found again and need not be sent twice. All methods may be called from any
// thread.
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "base/fd.h"
#include "volumes/blocks.h"

namespace ionian::volumes {

class Uploads {
 public:
  explicit Uploads(std::string root) : root_(std::move(root)) {}

  // Whether each block is there. Begins the upload if there was none.
  Result<std::vector<bool>> begin(const WorkspaceId& workspace, const store::VolumeContent& content,
                                  Time now);
  // A block that is there.
  Result<std::string> read(const WorkspaceId& workspace, const std::string& id,
                           std::uint64_t number, std::uint64_t length) const;
  // While it lives nobody else begins or finishes these files. What was finished under it is
  // forgotten when it goes: the file is then the store's, or its blocks have to come again.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold();

   private:
    friend class Uploads;
    Uploads* uploads_ = nullptr;
    std::set<std::string> keys_;
  };
  // Waits until nobody else holds any of them.
  Hold hold(const WorkspaceId& workspace, const std::set<std::string>& ids);
  // Gives a file whose blocks are all there its size, and its place to the caller, who holds it.
  //   errors   UNAVAILABLE a block is not there
  Result<std::string> finish(const WorkspaceId& workspace, const store::VolumeContent& content);
  // RESOURCE_EXHAUSTED: the disk has no room for so many bytes.
  Result<void> check_room(std::uint64_t bytes) const;
  // Uploads that nobody has gone on with since then.
  void remove_older_than(Time when);

  // One block on its way in. Destroyed without finish(), it does not count.
  class Receiver {
   public:
    Receiver(Receiver&& other) noexcept;
    Receiver& operator=(Receiver&&) = delete;
    ~Receiver();
    // INVALID_ARGUMENT more than a block.
    Result<void> write(std::string_view piece);
    // INVALID_ARGUMENT it has another hash than was announced.
    Result<void> finish();

   private:
    friend class Uploads;
    Receiver(Uploads& uploads, std::string key, std::uint64_t number, std::string hash);
    Uploads* uploads_;
    std::string key_;
    std::uint64_t number_;
    std::string hash_;
    UniqueFd out_;       // none: the block is there already
    bool ours_ = false;  // the place is reserved
    std::uint64_t length_ = 0;
    blobs::Hasher hasher_ = blobs::Hasher::sha256();
  };
  // UNAVAILABLE: the same block is just coming by another way.
  Result<Receiver> receive(const WorkspaceId& workspace, const std::string& id,
                           std::uint64_t number, const std::string& hash);

 private:
  struct Upload {
    std::vector<bool> have;
    Time used_at;
    bool finished = false;
  };
  std::string key_of(const WorkspaceId& workspace, const std::string& id) const;
  std::vector<bool> look(const std::string& path, const store::VolumeContent& content) const;

  const std::string root_;
  mutable std::mutex mutex_;
  std::condition_variable let_go_;
  std::set<std::string> held_;                                    // guarded by mutex_
  std::map<std::string, Upload> uploads_;                         // guarded by mutex_
  std::set<std::pair<std::string, std::uint64_t>> on_their_way_;  // guarded by mutex_
};

}  // namespace ionian::volumes
