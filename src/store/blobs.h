#pragma once
// The records of blobs: which of them a workspace has announced, and what each contains.
#include "store/store.h"

namespace ionian::store {

struct BlobRecord {
  BlobId id;
  WorkspaceId workspace;
  std::string sha256;  // hex
  std::uint64_t length = 0;
  bool present = false;
};

void insert_blob(Tx& tx, const BlobRecord& blob, Time now);
std::optional<BlobRecord> find_blob(View& view, const WorkspaceId& workspace, const BlobId& id);
void set_blob_present(Tx& tx, const BlobId& id);
// Whether any workspace has one with these bytes.
bool any_blob_has(View& view, std::string_view sha256);
// Of those of a workspace that were announced before then; returns how many, at most `max`.
std::int64_t remove_blobs(Tx& tx, const WorkspaceId& workspace, Time before, std::int64_t max);

}  // namespace ionian::store
