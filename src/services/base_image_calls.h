#pragma once
// The local store of base images, for the owner of the machine.
#include "images/base_images.h"
#include "services/admin.pb.h"
#include "services/context.h"

namespace ionian::services {

class BaseImageCalls {
 public:
  explicit BaseImageCalls(const images::BaseImages& bases) : bases_(bases) {}
  void bind(rpc::Table& table);

 private:
  // BaseImageImport. In place of an image that has the tag; programs built on that one keep it.
  //   errors   INVALID_ARGUMENT no image, damaged, or no tag · NOT_FOUND no such file
  Result<BaseImageImportResponse> import(rpc::Call& call, const BaseImageImportRequest& request,
                                         Slow& slow);
  Result<BaseImageListResponse> list(rpc::Call& call, const BaseImageListRequest& request,
                                     Slow& slow);
  // BaseImageRemove. Its layers go at the next start, if nothing is built on them.
  //   errors   NOT_FOUND
  Result<BaseImageRemoveResponse> remove(rpc::Call& call, const BaseImageRemoveRequest& request,
                                         Slow& slow);

  const images::BaseImages& bases_;
};

// Removes layers that no image is made of. Before anything is built: at start.
Result<void> remove_spent_layers(store::Store& store, const images::BaseImages& bases,
                                 const images::LayerStore& layers);

}  // namespace ionian::services
