#include "services/blob_sweep.h"

#include <set>

#include "base/log.h"
#include "modal_proto/mount.pb.h"
#include "store/blobs.h"
#include "store/images.h"
#include "store/volumes.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

constexpr std::int64_t kRecordsAtOnce = 1000;

Result<void> remove_records(store::Store& store, const WorkspaceId& workspace, Time before) {
  for (std::int64_t removed = kRecordsAtOnce; removed == kRecordsAtOnce;)
    TRY(store.write_now([&](store::Tx& tx) -> Result<void> {
      removed = store::remove_blobs(tx, workspace, before, kRecordsAtOnce);
      return {};
    }));
  return {};
}

std::set<std::string> bytes_of_mounts(store::Store& store) {
  std::set<std::string> found;
  store.read([&](store::View& view) {
    store::each_mount(view, [&](const store::Mount& mount) {
      modal::client::MountGetOrCreateRequest request;
      (void)request.ParseFromString(mount.files);
      for (const auto& file : request.files()) found.insert(file.sha256_hex());
    });
  });
  return found;
}

Result<void> sweep(store::Store& store, const blobs::BlobStore& blobs,
                   const std::unordered_map<WorkspaceId, Time>& oldest_calls, Time now) {
  const auto workspaces =
      store.read([](store::View& view) { return store::list_workspaces(view); });
  for (const store::Workspace& workspace : workspaces) {
    const auto oldest = oldest_calls.find(workspace.id);
    const Time alive = oldest == oldest_calls.end() ? now : oldest->second;
    TRY(remove_records(store, workspace.id, std::min(now - kBlobKept, alive)));
  }
  const std::set<std::string> of_mounts = bytes_of_mounts(store);
  const Time before = now - kUnnamedBytesKept;
  for (unsigned part = 0; part < blobs::BlobStore::kParts; ++part) {
    std::vector<std::string> unused = blobs.list_unused(part, before);
    store.read([&](store::View& view) {
      std::erase_if(unused, [&](const std::string& sha256) {
        return of_mounts.contains(sha256) || store::any_blob_has(view, sha256);
      });
    });
    TRY(blobs.remove_unused(std::move(unused), before, [&](const auto& going) {
      return store.write_now([&](store::Tx& tx) -> Result<void> {
        for (const std::string& sha256 : going) store::forget_sent_file(tx, sha256);
        return {};
      });
    }));
  }
  return {};
}

}  // namespace

void sweep_blobs(store::Store& store, const blobs::BlobStore& blobs,
                 const std::unordered_map<WorkspaceId, Time>& oldest_calls, Time now) {
  if (const Result<void> done = sweep(store, blobs, oldest_calls, now); !done)
    log::warning("unused blobs could not be removed: ", done.error().message);
}

}  // namespace ionian::services
