#pragma once
// What blobs go, and when.
//
// A blob is announced for a call's arguments or result, for a file on its way into a volume, a
// mount or a network file system, or for one that is read. It stays for 8 days, one more than
// results do, and as long as its workspace has a call that is older and not over. The bytes stay
// while a blob or a mount names them, and for a day after their last use: what clients send for a
// mount or a volume of version 1 without announcing a blob is named by nobody until they have made
// it.
#include <unordered_map>

#include "blobs/store.h"
#include "store/store.h"

namespace ionian::services {

inline constexpr Duration kBlobKept = 8 * 24h, kUnnamedBytesKept = 24h;

// `oldest_calls`: of each workspace that has calls which are not over, when the first of them came.
// Takes its time.
void sweep_blobs(store::Store& store, const blobs::BlobStore& blobs,
                 const std::unordered_map<WorkspaceId, Time>& oldest_calls, Time now);

}  // namespace ionian::services
