#pragma once
// Parts of large blobs on their way in: files ROOT/<blob>.<part>. A part is there once all of it
// came; `kill -9` at any moment leaves at most a temporary file, which the next start removes. What
// they hold together is checked when they are joined. All methods may be called from any thread.
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "blobs/hash.h"

namespace ionian::blobs {

class PartFolder {
 public:
  // One part; not thread-safe. Destroyed without commit(), it leaves nothing behind.
  class Writer {
   public:
    Writer(Writer&& other) noexcept = default;
    Writer& operator=(Writer&&) = delete;
    ~Writer();

    Result<void> write(std::string_view data);
    // Replaces what was sent as this part before. Gives its md5 as lower-case hex.
    Result<std::string> commit();

   private:
    friend class PartFolder;
    Writer(UniqueFd fd, std::string from, std::string to)
        : fd_(std::move(fd)), from_(std::move(from)), to_(std::move(to)) {}

    UniqueFd fd_;
    std::string from_, to_;
    Hasher md5_ = Hasher::md5();
  };

  struct Part {
    UniqueFd fd;
    std::string md5;  // lower-case hex
  };

  // Makes `root` if it is not there. Whole parts of a former life stay: their senders go on.
  static Result<PartFolder> open_folder(std::string root);

  Result<Writer> writer(const BlobId& blob, int part) const;
  // NOT_FOUND if it was not sent.
  Result<Part> open(const BlobId& blob, int part) const;
  void remove(const BlobId& blob, int parts) const;
  // All parts of the blobs of which no part has come since then.
  void remove_idle(Time since) const;

 private:
  explicit PartFolder(std::string root) : root_(std::move(root)) {}
  std::string path_of(const BlobId& blob, int part) const {
    return cat(root_, '/', blob, '.', part);
  }

  std::string root_;
};

}  // namespace ionian::blobs
