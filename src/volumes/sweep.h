#pragma once
// What no volume has any more goes off the disk.
#include "volumes/contents.h"
#include "volumes/uploads.h"

namespace ionian::volumes {

// Contents that nothing refers to, an hour after their last use, or minutes where the disk is
// short, and uploads that nobody has gone on with for a day. Each minute of `now` has another of
// Contents::kParts parts looked through for files that no record names. Does nothing while somebody
// brings files, unless that has been so too often; they are found the next time.
void sweep(store::Store& store, Contents& contents, Uploads& uploads, bool disk_is_short, Time now);

}  // namespace ionian::volumes
