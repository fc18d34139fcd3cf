#include "container/forwarding.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"

namespace ionian::container {
namespace {

constexpr const char* kNotes = "/run/ionian";

// The file at `path`, locked alone; one that was removed before the lock was ours is opened anew.
Result<UniqueFd> open_locked(const std::string& path) {
  for (;;) {
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat info{};
    if (!file || ::flock(file.get(), LOCK_EX) != 0 || ::fstat(file.get(), &info) != 0)
      return sys_fail(cat("lock ", path));
    if (info.st_nlink > 0) return file;
  }
}

}  // namespace

Result<std::unique_ptr<ForwardingFlag>> ForwardingFlag::hold(const std::string& interface) {
  struct stat netns{};
  if (::stat("/proc/thread-self/ns/net", &netns) != 0)
    return sys_fail("find the network namespace");
  auto held = std::make_unique<ForwardingFlag>();
  held->flag_ = cat("/proc/sys/net/ipv4/conf/", interface, "/forwarding");
  held->note_ = cat(kNotes, "/forwarding-", netns.st_ino, "-", interface);
  TRY(make_folders(kNotes));
  ASSIGN_OR_RETURN(held->lock_, open_locked(held->note_));
  ASSIGN_OR_RETURN(std::string before, read_file(held->note_));
  if (before.empty()) {
    ASSIGN_OR_RETURN(before, read_file(held->flag_));
    TRY(write_file(held->note_, before));
  }
  held->was_off_ = before.starts_with('0');
  if (::flock(held->lock_.get(), LOCK_SH) != 0) return sys_fail(cat("share ", held->note_));
  return held;
}

Result<void> ForwardingFlag::switch_on() { return write_file(flag_, "1"); }

ForwardingFlag::~ForwardingFlag() {
  // Another server still needs it.
  if (!lock_ || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (was_off_) (void)write_file(flag_, "0");
  ::unlink(note_.c_str());
}

}  // namespace ionian::container
