#pragma once
// Environments, and what a client asks about its own identity.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/client.pb.h"
#include "modal_proto/environment.pb.h"
#include "modal_proto/workspace.pb.h"
#include "services/context.h"
#include "store/workspaces.h"

namespace ionian::services {

// The newest image builder version that a client knows, and no newer than the environment's setting.
std::string builder_version_for(const rpc::RequestHeaders& client, const std::string& wanted);

// The environment of a request: the named one, or the caller's own default. NOT_FOUND names it.
Result<store::Environment> environment_of(store::View& view, const rpc::Caller& caller, const std::string& name);

class Environments {
 public:
  explicit Environments(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // EnvironmentGetOrCreate. The first call of every run: which environment, and which image builder.
  //   in       deployment_name, empty = the default environment
  //   out      a builder version that this client knows: an unknown one is an error there before any build
  //   errors   NOT_FOUND
  Result<modal::client::EnvironmentGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::EnvironmentGetOrCreateRequest& request, store::View& view);

  // ClientHello. Sent only to verify a token; reaching it is the answer.
  Result<modal::client::ClientHelloResponse> hello(rpc::Call& call, const google::protobuf::Empty& request);

  // WorkspaceNameLookup. The name becomes the profile's name in the client's file.
  Result<modal::client::WorkspaceNameLookupResponse> workspace_name(rpc::Call& call, const google::protobuf::Empty& request,
                                                                    store::View& view);

  Context& c_;
};

}  // namespace ionian::services
