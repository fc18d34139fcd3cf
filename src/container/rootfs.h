#pragma once
// Mounts that the spawner makes outside and the container's init moves into place: nothing here is
// attached anywhere.
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/id_ranges.h"
#include "container/spec.pb.h"

namespace ionian::container {

enum class Access { kReadOnly, kReadWrite, kDevice };

struct RootfsOptions {
  std::vector<std::string> lowers;  // lowest first
  int upper = -1;                   // open folders on one file system
  int work = -1;
  bool renames_folders = false;  // of the lowers; a layer that is kept must not depend on others
};

struct Rootfs {
  UniqueFd mount;
  // No longer needed, but each that is closed last waits for the kernel's readers, up to some ms:
  // the spawner leaves that to the container's init.
  std::vector<UniqueFd> lowers;
};

// An overlay of idmapped, read-only lowers. FAILED_PRECONDITION on kernels before 6.15, which
// cannot stack mounts that are not attached.
Result<Rootfs> mount_rootfs(const RootfsOptions& options, const IdRange& ids);

// A clone of what stands at `source`, without what is mounted below it. Idmapped where its file
// system can.
Result<UniqueFd> clone_mount(const std::string& source, Access access, const IdRange& ids);

// The overlay of a volume, with its upper and work folders made.
Result<Rootfs> mount_overlay(const Overlay& overlay, bool open_to_all, const IdRange& ids);

// A file system that nobody serves yet, and the device by which a program does so from now on.
// Once all copies of that are closed, every use of the file system is an error at once.
struct ServedMount {
  UniqueFd device, mount;
};
//   errors   FAILED_PRECONDITION this machine has no FUSE
Result<ServedMount> mount_served(const Served& served, const IdRange& ids);

// An empty tmpfs of that size at most, owned by the container's root.
Result<UniqueFd> mount_memory(std::uint64_t bytes, const IdRange& ids);

// A tmpfs with the device nodes that every container has, owned by its root.
Result<UniqueFd> mount_dev(const IdRange& ids);

// An empty read-only tmpfs, owned by the container's root, with the folders that programs look
// into.
Result<UniqueFd> mount_sys(const IdRange& ids);

}  // namespace ionian::container
