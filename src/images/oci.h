#pragma once
// Images in the OCI layout: unpacked into layers of ours.
#include <atomic>
#include <string>

#include "images/image.h"
#include "images/layers.h"
#include "images/upper_bound.h"

namespace ionian::images {

// Reads the folder of an OCI layout (oci-layout, index.json, blobs/), takes the image for this
// machine's architecture, or the only one, and makes a layer of each of its layers. Whoever drops
// the result removes the layers; on an error none stays.
//   errors  INVALID_ARGUMENT not a layout, a missing or damaged blob, no image for this machine ·
//   RESOURCE_EXHAUSTED more than the bound, of all layers · CANCELLED
Result<BuiltImage> import_oci_layout(const std::string& folder, const LayerStore& layers,
                                     const std::atomic<bool>& cancelled,
                                     WriteBound* bound = nullptr);

}  // namespace ionian::images
