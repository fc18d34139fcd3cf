#include "services/base_image_calls.h"

#include <set>

#include "base/log.h"
#include "services/images.h"

namespace ionian::services {

void BaseImageCalls::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("BaseImageImport", &BaseImageCalls::import, rpc::Access::kOwner);
  on("BaseImageList", &BaseImageCalls::list, rpc::Access::kOwner);
  on("BaseImageRemove", &BaseImageCalls::remove, rpc::Access::kOwner);
}

Result<BaseImageImportResponse> BaseImageCalls::import(rpc::Call&,
                                                       const BaseImageImportRequest& request,
                                                       Slow&) {
  const std::atomic<bool> cancelled = false;
  TRY(bases_.import(request.tag(), request.path(), cancelled));
  const std::string tag = images::short_tag(request.tag());
  BaseImageImportResponse reply;
  ASSIGN_OR_RETURN(const auto all, bases_.list());
  for (const images::LocalImage& local : all)
    if (local.tag == tag) reply.set_layers(static_cast<std::int32_t>(local.image.layers.size()));
  return reply;
}

Result<BaseImageListResponse> BaseImageCalls::list(rpc::Call&, const BaseImageListRequest&, Slow&) {
  BaseImageListResponse reply;
  ASSIGN_OR_RETURN(const auto all, bases_.list());
  for (const images::LocalImage& local : all) {
    auto* row = reply.add_images();
    row->set_tag(local.tag);
    row->set_source(local.source);
    row->set_layers(static_cast<std::int32_t>(local.image.layers.size()));
    row->set_python_version(local.image.config.python_version);
  }
  return reply;
}

Result<BaseImageRemoveResponse> BaseImageCalls::remove(rpc::Call&,
                                                       const BaseImageRemoveRequest& request,
                                                       Slow&) {
  TRY(bases_.remove(request.tag()));
  return BaseImageRemoveResponse();
}

Result<void> remove_spent_layers(store::Store& store, const images::BaseImages& bases,
                                 const images::LayerStore& layers) {
  std::set<std::string> used;
  ASSIGN_OR_RETURN(const auto local, bases.list());
  for (const images::LocalImage& image : local)
    used.insert(image.image.layers.begin(), image.image.layers.end());
  for (const store::Image& record : store.read(store::list_built_images)) {
    const RecordedImage built = built_image_of(record);
    used.insert(built.image.layers.begin(), built.image.layers.end());
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> all, layers.list());
  for (const std::string& id : all) {
    if (used.contains(id)) continue;
    TRY(layers.remove(id));
    log::info("removed the layer ", id, ", of which no image is made");
  }
  return {};
}

}  // namespace ionian::services
