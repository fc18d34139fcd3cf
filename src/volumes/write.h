#pragma once
// A change of a volume, with the bytes that it brings: durable as a whole, or not at all.
#include "volumes/contents.h"
#include "volumes/tree.h"

namespace ionian::volumes {

struct Target {
  std::string volume;
  WorkspaceId workspace;
  std::function<void(store::Tx&)> with = {};  // what else is to be written with it
  bool deleted_too = false;                   // it may be put back, with what is written meanwhile
};

// `batch` has the bytes of all that is brought. No changes are no new version.
//   errors   NOT_FOUND the volume was deleted · those of apply() · what the disk says
Result<void> write_changes(store::Store& store, Contents::Batch& batch, const Target& target,
                           const std::vector<Change>& changes, Manner manner, const Limits& limits,
                           Time now);

// Whether the records of the workspace have a content.
Contents::Batch::Known known_contents(store::Store& store, const WorkspaceId& workspace);

}  // namespace ionian::volumes
