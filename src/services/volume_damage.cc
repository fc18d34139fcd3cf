#include "services/volume_damage.h"

#include "base/log.h"
#include "store/volumes.h"

namespace ionian::services {

void forget_damaged(store::Store& store, volumes::Layers& layers, const blobs::BlobStore& blobs,
                    const WorkspaceId& workspace, const std::string& content) {
  std::string sha256;
  const auto volumes = store.read([&](store::View& view) {
    sha256 = store::sha256_of_content(view, workspace, content);
    return store::volumes_of_content(view, workspace, content);
  });
  for (const std::string& volume : volumes) layers.forget(volume);
  if (sha256.empty()) return;
  const auto removed = blobs.remove_if_damaged(sha256, [&](const auto& going) {
    return store.write_now([&](store::Tx& tx) -> Result<void> {
      for (const std::string& each : going) store::forget_sent_file(tx, each);
      return {};
    });
  });
  if (!removed) log::error("blob ", sha256, ": ", removed.error().message);
  if (removed && *removed) log::error("blob ", sha256, " is damaged, and was removed");
}

}  // namespace ionian::services
