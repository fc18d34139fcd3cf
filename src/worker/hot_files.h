#pragma once
// Which files an interpreter reads while it loads the runtime. After a restart of the machine the
// first one of a kind would fetch them from the disk one after the other, as its imports come to
// them; here they are read ahead all at once.
#include <atomic>
#include <string>
#include <vector>

#include "base/pool.h"

namespace ionian::worker {

class HotFiles {
 public:
  // A list for each kind lies in `folder`, which is made. At most kListsMax, the latest ones.
  explicit HotFiles(std::string folder) : folder_(std::move(folder)) {}
  // Drops what is not done.
  ~HotFiles() { ending_ = true; }

  static constexpr std::size_t kListBytesMax = 256 << 10;
  static constexpr std::size_t kListsMax = 256;
  static constexpr std::size_t kQueueMax = 64;

  // `names`: paths inside, a line each. They come from a program of the image, so that they may be
  // anything. `kind` is a file name.
  void remember(const std::string& kind, std::string names);
  // Each from the uppermost of these layers (lowest first) that has it, and nothing from outside
  // of them. Without a list, nothing.
  void read_ahead(const std::string& kind, std::vector<std::string> layers);

  std::uint64_t files_read() const { return files_read_; }

 private:
  void keep(const std::string& kind, const std::string& names) const;
  void read(const std::string& kind, const std::vector<std::string>& layers);

  const std::string folder_;
  std::atomic<std::uint64_t> files_read_ = 0;
  std::atomic<bool> ending_ = false;
  Pool pool_{1, kQueueMax};  // what it has no room for is not read ahead
};

}  // namespace ionian::worker
