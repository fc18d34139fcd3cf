#pragma once
// Deployed functions and classes by name, and functions by id.
#include "modal_proto/class.pb.h"
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/deployments.h"

namespace ionian::services {

class Lookups {
 public:
  explicit Lookups(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // FunctionGet. By the app's name and the function's tag ("f", "Cls.*"); with app_version as it
  // was in that version.
  //   errors   NOT_FOUND environment, app, function, version
  Result<modal::client::FunctionGetResponse> function(
      rpc::Call& call, const modal::client::FunctionGetRequest& request, store::Tx& tx);

  // FunctionGetById.   errors  NOT_FOUND
  Result<modal::client::FunctionGetByIdResponse> function_by_id(
      rpc::Call& call, const modal::client::FunctionGetByIdRequest& request, store::View& view);

  // ClassGet.   errors  NOT_FOUND environment, app, class, version
  Result<modal::client::ClassGetResponse> class_by_name(
      rpc::Call& call, const modal::client::ClassGetRequest& request, store::View& view);

  Result<store::App> deployed_app(rpc::Call& call, store::View& view,
                                  const std::string& environment, const std::string& name);
  Result<store::Function> pinned(rpc::Call& call, store::Tx& tx, const store::App& app,
                                 const std::string& tag, int version);

  Context& c_;
};

}  // namespace ionian::services
