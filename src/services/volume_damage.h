#pragma once
// What else has to hear of a file of a volume that turned out to be damaged.
#include "blobs/store.h"
#include "volumes/layers.h"

namespace ionian::services {

// Nobody is given a layer any more that was made from the file. A blob of the same bytes may be the
// same file on the disk, under another name: where it is damaged too it goes, so that clients that
// put the file back send it.
void forget_damaged(store::Store& store, volumes::Layers& layers, const blobs::BlobStore& blobs,
                    const WorkspaceId& workspace, const std::string& content);

}  // namespace ionian::services
