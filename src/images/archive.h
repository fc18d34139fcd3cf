#pragma once
// Unpacks tar archives (any compression) and wheels with libarchive, without ever leaving the
// target folder.
#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "images/upper_bound.h"

namespace ionian::images {

// kRootFs: owners, modes, extended attributes and links as they are in the archive.
// kOciLayer: the same, and ".wh." names become whiteouts and opaque folders of overlayfs.
// kPlain: files 0644, folders 0755, owned by whoever runs this; no links. For wheels.
enum class UnpackAs { kRootFs, kOciLayer, kPlain };

struct Unpack {
  UnpackAs as = UnpackAs::kRootFs;
  // Which entries to take; the name is relative and clean ("usr/bin/env"). Empty: all.
  std::function<bool(std::string_view name)> wanted;
  const std::atomic<bool>* cancelled = nullptr;
  WriteBound* bound = nullptr;  // of the files' bytes
};

// Device nodes are left out (containers get their own /dev), as are attributes of overlayfs.
//   errors  INVALID_ARGUMENT not an archive, truncated, or a name that leads out of the folder ·
//           RESOURCE_EXHAUSTED more than the bound · CANCELLED
Result<void> unpack(const std::string& archive, const std::string& into, const Unpack& how);

// One member as text. NOT_FOUND, or INVALID_ARGUMENT above `limit` bytes.
Result<std::string> read_member(const std::string& archive, std::string_view name,
                                std::size_t limit = 1 << 20);

}  // namespace ionian::images
