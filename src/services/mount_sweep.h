#pragma once
// The files that clients have sent for apps go when no app needs them.
//
// A mount stays for a week after a client has last asked for it, and as long as a function, or a
// former version or a variant of one, has it whose app runs, or was stopped within a month; a named
// one stays. Its tree goes when no mount has the same list of files; the bytes go after that
// (blob_sweep.h).
#include "images/mount_tree.h"
#include "store/store.h"

namespace ionian::services {

inline constexpr Duration kMountKept = 7 * 24h, kMountsOfStoppedAppsKept = 30 * 24h;
// A tree is made before the record that names it.
inline constexpr Duration kTreeKept = 24h;

// Takes its time.
void sweep_mounts(store::Store& store, const images::MountTrees& trees, Time now);

}  // namespace ionian::services
