#pragma once
// Apps as lists and reports show them, and apps that hold sandboxes only.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/app.pb.h"
#include "services/context.h"
#include "store/deployments.h"

namespace ionian::services {

class AppList {
 public:
  explicit AppList(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // AppList. All that live, and those that were stopped in the last 7 days, the newest first.
  //   errors   NOT_FOUND environment
  Result<modal::client::AppListResponse> list(rpc::Call& call,
                                              const modal::client::AppListRequest& request,
                                              core::Core& core);

  // AppGetLifecycle, AppGetInfo, AppGetTags.   errors  NOT_FOUND
  Result<modal::client::AppGetLifecycleResponse> lifecycle(
      rpc::Call& call, const modal::client::AppGetLifecycleRequest& request, store::View& view);
  Result<modal::client::AppGetInfoResponse> info(rpc::Call& call,
                                                 const modal::client::AppGetInfoRequest& request,
                                                 store::View& view);
  Result<modal::client::AppGetTagsResponse> get_tags(
      rpc::Call& call, const modal::client::AppGetTagsRequest& request, store::View& view);

  // AppSetTags. Replaces them all.   errors  NOT_FOUND · INVALID_ARGUMENT too many, too long
  Result<Empty> set_tags(rpc::Call& call, const modal::client::AppSetTagsRequest& request,
                         store::Tx& tx);

  // AppGetOrCreate. A deployed app by name, or by its id in whatever state; made without functions
  // if asked for.
  //   errors   NOT_FOUND environment, app
  Result<modal::client::AppGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::AppGetOrCreateRequest& request, store::Tx& tx);

  Result<store::App> find_or_make(rpc::Call& call, store::Tx& tx,
                                  const modal::client::AppGetOrCreateRequest& request);

  Context& c_;
};

}  // namespace ionian::services
