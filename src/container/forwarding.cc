#include "container/forwarding.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"

namespace ionian::container {
namespace {

constexpr const char* kNotes = "/run/ionian";

// Held only while somebody looks at the notes or changes them.
Result<UniqueFd> lock_notes() {
  TRY(make_folders(kNotes));
  const std::string path = cat(kNotes, "/forwarding.lock");
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::flock(file.get(), LOCK_EX) != 0) return sys_fail(cat("lock ", path));
  return file;
}

}  // namespace

Result<std::unique_ptr<ForwardingFlag>> ForwardingFlag::hold(const std::string& interface) {
  struct stat netns{};
  if (::stat("/proc/thread-self/ns/net", &netns) != 0)
    return sys_fail("find the network namespace");
  auto held = std::make_unique<ForwardingFlag>();
  held->flag_ = cat("/proc/sys/net/ipv4/conf/", interface, "/forwarding");
  held->note_ = cat(kNotes, "/forwarding-", netns.st_ino, "-", interface);
  ASSIGN_OR_RETURN(const UniqueFd notes, lock_notes());
  // Shared for as long as a server needs the flag: whoever gets it alone is the last.
  held->lock_.reset(::open(held->note_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!held->lock_ || ::flock(held->lock_.get(), LOCK_SH) != 0)
    return sys_fail(cat("share ", held->note_));
  ASSIGN_OR_RETURN(std::string before, read_file(held->note_));
  if (before.empty()) {
    ASSIGN_OR_RETURN(before, read_file(held->flag_));
    TRY(write_file(held->note_, before));
  }
  held->was_off_ = before.starts_with('0');
  return held;
}

Result<void> ForwardingFlag::switch_on() { return write_file(flag_, "1"); }

ForwardingFlag::~ForwardingFlag() {
  const Result<UniqueFd> notes = lock_notes();
  // Another server still needs it.
  if (!notes || !lock_ || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (was_off_) (void)write_file(flag_, "0");
  ::unlink(note_.c_str());
}

}  // namespace ionian::container
