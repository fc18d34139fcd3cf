#pragma once
// Bytes as files named by their hash: ROOT/ab/cd/<sha256>, mode 0644, so that a mount can hard-link
// them. A blob exists only once all of it is on disk under its name; `kill -9` at any moment leaves
// at most a temporary file, which the next start removes. All methods may be called from any
// thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "blobs/hash.h"

namespace ionian::blobs {

struct OpenBlob {
  UniqueFd fd;
  std::uint64_t size = 0;
};

struct BlobInfo {
  std::string sha256;  // lower-case hex
  std::string md5;     // lower-case hex; the ETag of an upload
  std::uint64_t size = 0;
};

// What the sender said that the content is; commit refuses anything else.
struct Expected {
  std::optional<std::string> sha256;
  std::optional<std::uint64_t> size;
};

class BlobStore {
 public:
  // One blob on its way in; not thread-safe. Destroyed without commit(), it leaves nothing behind.
  class Writer {
   public:
    Writer(Writer&& other) noexcept = default;
    Writer& operator=(Writer&&) = delete;
    ~Writer();

    // Appends. RESOURCE_EXHAUSTED once more than `limit` bytes came; INTERNAL if the disk refuses.
    Result<void> write(std::string_view data);
    std::uint64_t size() const { return size_; }
    // Makes the blob durable and visible, once. INVALID_ARGUMENT if it differs from `expected`:
    // then nothing of it is kept.
    Result<BlobInfo> commit(const Expected& expected = {});

   private:
    friend class BlobStore;
    Writer(const BlobStore& store, UniqueFd fd, std::string path, std::uint64_t limit);

    const BlobStore* store_;
    UniqueFd fd_;
    std::string path_;
    std::uint64_t limit_;
    std::uint64_t size_ = 0;
    Hasher sha256_ = Hasher::sha256();
    Hasher md5_ = Hasher::md5();
  };

  // Makes `root` if it is not there and removes what a former life left half done. One store a
  // folder.
  static Result<BlobStore> open_folder(std::string root, const Clock& clock);

  Result<Writer> writer(std::uint64_t limit = UINT64_MAX) const;
  Result<BlobInfo> put(std::string_view bytes) const;
  bool exists(std::string_view sha256) const;
  // The same, for somebody who relies on it from now on: it counts as used now.
  bool touch(std::string_view sha256) const;
  // NOT_FOUND if there is no such blob; INVALID_ARGUMENT if `sha256` is not 64 lower-case hex
  // digits.
  Result<OpenBlob> open(std::string_view sha256) const;
  // Where the blob is or would be. `sha256` must satisfy is_sha256_hex().
  std::string path_of(std::string_view sha256) const;
  // The blobs in one of kParts parts, numbered from 0, that were last used before then.
  static constexpr unsigned kParts = 256;
  std::vector<std::string> list_unused(unsigned part, Time before) const;
  // Removes those of `blobs` that nobody has used since then. `forget` hears of them before they
  // go, must not use this store, and keeps them by an error. Readers that have one open keep it.
  using Forget = std::function<Result<void>(const std::vector<std::string>&)>;
  Result<void> remove_unused(std::vector<std::string> blobs, Time before,
                             const Forget& forget) const;

  // Removes one whose bytes are not what its name says; whether it did. `forget` as above.
  Result<bool> remove_if_damaged(const std::string& sha256, const Forget& forget) const;

 private:
  BlobStore(std::string root, const Clock& clock) : root_(std::move(root)), clock_(&clock) {}
  bool touch_path(const std::string& path) const;

  std::string root_;
  const Clock* clock_;
  // Between a look at whether a blob is used, and its removal, nobody begins to.
  std::unique_ptr<std::mutex> removals_ = std::make_unique<std::mutex>();
};

}  // namespace ionian::blobs
