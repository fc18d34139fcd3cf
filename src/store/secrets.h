#pragma once
// Secrets and the records of blobs.
#include "store/store.h"

namespace ionian::store {

struct Secret {
  SecretId id;
  WorkspaceId workspace;
  EnvironmentId environment;
  std::string name;  // "" = anonymous
  AppId app;         // that owns an anonymous one
  std::string sealed;
};

void insert_secret(Tx& tx, const Secret& secret, Time now);
std::optional<Secret> find_secret(View& view, const WorkspaceId& workspace, const SecretId& id);

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

}  // namespace ionian::store
