#pragma once
// What a client asks about its own workspace.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/client.pb.h"
#include "modal_proto/workspace.pb.h"
#include "services/context.h"

namespace ionian::services {

// INVALID_ARGUMENT with the words for a field. A workspace's name stands in addresses and in
// ~/.modal.toml.
Result<void> check_workspace_name(std::string_view name);

class Workspaces {
 public:
  explicit Workspaces(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // ClientHello. Sent only to verify a token; reaching it is the answer.
  Result<modal::client::ClientHelloResponse> hello(rpc::Call& call, const Empty& request);
  // WorkspaceNameLookup. The name becomes the profile's name in the client's file.
  Result<modal::client::WorkspaceNameLookupResponse> name(rpc::Call& call, const Empty& request,
                                                          store::View& view);
  // WorkspaceMembersList. People only; service users have a list of their own.
  Result<modal::client::WorkspaceMembersListResponse> members(rpc::Call& call, const Empty& request,
                                                              store::View& view);
  Result<modal::client::WorkspaceSettingsResponse> settings(rpc::Call& call, const Empty& request,
                                                            store::View& view);
  // WorkspaceSetDefaultEnvironment.   errors  NOT_FOUND
  Result<Empty> set_default_environment(
      rpc::Call& call, const modal::client::WorkspaceSetDefaultEnvironmentRequest& request,
      store::Tx& tx);
  // WorkspaceSetImageBuilderVersion.   errors  INVALID_ARGUMENT a version that no client knows
  Result<modal::client::WorkspaceSetImageBuilderVersionResponse> set_builder(
      rpc::Call& call, const modal::client::WorkspaceSetImageBuilderVersionRequest& request,
      store::Tx& tx);
  Result<modal::client::WorkspaceDashboardUrlResponse> dashboard(
      rpc::Call& call, const modal::client::WorkspaceDashboardUrlRequest& request);

  Context& c_;
};

}  // namespace ionian::services
