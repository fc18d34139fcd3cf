#pragma once
// Moves the ownership of a tree from the id range of one container (id_base + x) to plain ids (x).
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ionian::images {

// Ids that a container has; ids of a layer on disk are below it.
inline constexpr std::uint32_t kIdCount = 65536;

// Every entry under `root`, and `root` itself: owner, group, POSIX access lists and the root id of
// file capabilities. Modes keep their setuid and setgid bits; file capabilities stay. Follows no
// symbolic link. A folder that overlayfs marks opaque carries the mark under both names afterwards
// ("trusted.overlay.opaque" and "user.overlay.opaque"), so that every kind of overlay mount sees
// it. FAILED_PRECONDITION if an entry belongs to an id outside the range; the tree may be half
// shifted then.
Result<void> shift_owners_to_plain(const std::string& root, std::uint32_t id_base);

// Marks a folder opaque for overlayfs: what lower layers have under its name is hidden.
Result<void> mark_opaque(const std::string& folder);
bool is_opaque(const std::string& folder);

}  // namespace ionian::images
