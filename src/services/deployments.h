#pragma once
// Deployed apps: found by name, published in versions, rolled back to an earlier one.
#include "modal_proto/app.pb.h"
#include "services/context.h"
#include "store/deployments.h"

namespace ionian::services {

// How clients see the life of an app: zeros and empty names mean "not so".
modal::client::AppLifecycle lifecycle_of(store::View& view, const store::App& app);
modal::client::AppPublishRequest publish_of(const store::Deployment& deployment);
// The one that calls go to: the last that is not staged.
std::optional<store::Deployment> live_deployment(store::View& view, const AppId& app);
// NOT_FOUND, and where to look.
std::unexpected<Status> no_version(const store::App& app, int version);
// A user's or service user's name; "" if there is none.
std::string name_of_principal(store::View& view, const WorkspaceId& workspace,
                              const std::string& principal);

// INVALID_ARGUMENT for a name that no app may have.
Result<void> check_app_name(const std::string& name);

class Deployments {
 public:
  explicit Deployments(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // AppGetByDeploymentName. Empty ids where no app has, or had, the name.
  //   errors   NOT_FOUND environment
  Result<modal::client::AppGetByDeploymentNameResponse> by_name(
      rpc::Call& call, const modal::client::AppGetByDeploymentNameRequest& request,
      store::View& view);

  // AppGetLayout. The ids under which a next deployment goes on.   errors  NOT_FOUND
  Result<modal::client::AppGetLayoutResponse> layout(
      rpc::Call& call, const modal::client::AppGetLayoutRequest& request, store::View& view);

  // AppPublish. The app's functions are complete. With DEPLOYED the app gets its name and a new
  // version: running inputs end on the containers of the version before, new ones go to new
  // containers. Staged, it is only kept.
  //   errors   NOT_FOUND app, function, definition · FAILED_PRECONDITION the app is stopped, or
  //   another has the name
  Result<modal::client::AppPublishResponse> publish(rpc::Call& call,
                                                    const modal::client::AppPublishRequest& request,
                                                    store::Tx& tx);

  // AppPromote. A new version with the definitions of a staged one, live at once.
  //   errors   NOT_FOUND no such version · FAILED_PRECONDITION it is not staged, or the app is not
  //   deployed
  Result<modal::client::AppPromoteResponse> promote(rpc::Call& call,
                                                    const modal::client::AppPromoteRequest& request,
                                                    store::Tx& tx);

  // AppDeploymentHistory, the newest first.   errors  NOT_FOUND
  Result<modal::client::AppDeploymentHistoryResponse> history(
      rpc::Call& call, const modal::client::AppDeploymentHistoryRequest& request,
      store::View& view);

  // AppRollback. A new version with the definitions of an old one; a negative number counts back
  // from the live one.
  //   errors   NOT_FOUND no such version · INVALID_ARGUMENT 0 · FAILED_PRECONDITION the app is not
  //   deployed
  Result<modal::client::AppRollbackResponse> rollback(
      rpc::Call& call, const modal::client::AppRollbackRequest& request, store::Tx& tx);

  // AppRollover. A new version with the same definitions, and new containers for all functions.
  Result<modal::client::AppRolloverResponse> rollover(
      rpc::Call& call, const modal::client::AppRolloverRequest& request, store::Tx& tx);

  struct Change {
    store::App app;
    modal::client::AppPublishRequest publish;
    bool replace_all = false;  // containers also of functions that stay as they are
  };
  // Makes the definitions live, after the commit also in the core.
  Result<void> apply(rpc::Call& call, store::Tx& tx, const Change& change);
  // A version that is kept and that no call goes to, until it is promoted.
  //   errors   NOT_FOUND function, definition · FAILED_PRECONDITION the app is not deployed
  Result<modal::client::AppPublishResponse> stage(rpc::Call& call, store::Tx& tx, Change change);
  Result<store::Deployment> add_version(rpc::Call& call, store::Tx& tx, const Change& change);
  // A new version, with what another one had.
  template <class Reply>
  Result<Reply> go_to(rpc::Call& call, store::Tx& tx, Change change);
  struct Deployed {
    store::App app;
    store::Deployment live;
  };
  // FAILED_PRECONDITION for an app that has no version.
  Result<Deployed> deployed_app(rpc::Call& call, store::View& view, const std::string& id);

  Context& c_;
};

}  // namespace ionian::services
