#pragma once
// Environments, and what a client asks about its own identity.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/client.pb.h"
#include "modal_proto/environment.pb.h"
#include "modal_proto/workspace.pb.h"
#include "services/context.h"
#include "store/workspaces.h"

namespace ionian::services {

// The newest image builder version that a client knows, and no newer than the environment's
// setting.
std::string builder_version_for(const rpc::RequestHeaders& client, const std::string& wanted);

// The environment of a request: the named one, or the caller's own default, if the caller may do
// there what the method needs. NOT_FOUND names it, also where the caller may not know of it.
Result<store::Environment> environment_of(const Context& c, store::View& view,
                                          const rpc::Call& call, const std::string& name);

class Environments {
 public:
  explicit Environments(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // EnvironmentGetOrCreate. The first call of every run: which environment, and which image
  // builder.
  //   in       deployment_name, empty = the default environment
  //   out      a builder version that this client knows: an unknown one is an error there before
  //   any build errors   NOT_FOUND · INVALID_ARGUMENT name
  Result<modal::client::EnvironmentGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::EnvironmentGetOrCreateRequest& request, store::Tx& tx);
  // EnvironmentCreate.   errors  INVALID_ARGUMENT name, role · ALREADY_EXISTS
  Result<Empty> create(rpc::Call& call, const modal::client::EnvironmentCreateRequest& request,
                       store::Tx& tx);
  // EnvironmentList. Those that the caller may see.
  Result<modal::client::EnvironmentListResponse> list(rpc::Call& call, const Empty& request,
                                                      store::View& view);
  // EnvironmentUpdate. Absent fields stay as they are.
  Result<modal::client::EnvironmentListItem> update(
      rpc::Call& call, const modal::client::EnvironmentUpdateRequest& request, store::Tx& tx);
  // EnvironmentDelete. With all that was in it.   errors  FAILED_PRECONDITION something runs there,
  // or it is the last one
  Result<Empty> remove(rpc::Call& call, const modal::client::EnvironmentDeleteRequest& request,
                       store::Tx& tx);

  // EnvironmentSetManaged. Restricts an environment to those who were given a role in it, or opens
  // it again.
  Result<Empty> set_managed(rpc::Call& call,
                            const modal::client::EnvironmentSetManagedRequest& request,
                            store::Tx& tx);
  // EnvironmentGetRoles. Everybody's role in an environment, and whether it was assigned.
  Result<modal::client::EnvironmentGetRolesResponse> get_roles(
      rpc::Call& call, const modal::client::EnvironmentGetRolesRequest& request, store::View& view);
  // EnvironmentRoleSet.   errors  NOT_FOUND principal · INVALID_ARGUMENT role
  Result<Empty> set_role(rpc::Call& call, const modal::client::EnvironmentRoleSetRequest& request,
                         store::Tx& tx);

  Context& c_;
};

}  // namespace ionian::services
