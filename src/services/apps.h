#pragma once
// The life of an app: made, published, kept alive by its client, stopped.
#include <google/protobuf/empty.pb.h>

#include <deque>

#include "modal_proto/app.pb.h"
#include "services/context.h"
#include "store/apps.h"
#include "store/workspaces.h"

namespace ionian::services {

// The app of a request, if it stands in the caller's workspace and in an environment where the
// caller may do what the method needs. NOT_FOUND where the caller may not even know of it, whether
// it exists or not.
Result<store::App> app_of(const Context& c, store::View& view, const rpc::Call& call,
                          const std::string& id);

// INVALID_ARGUMENT too many tags, or one that is empty or too long.
Result<void> check_tags(const google::protobuf::Map<std::string, std::string>& tags);

class Apps {
 public:
  explicit Apps(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

  // All containers of the app have ended: its record and its log are closed. On the core's thread.
  void app_ended(const AppId& id);
  // Closes again what could not be written; says when it must be called again. On the core's
  // thread.
  std::optional<Time> close_again(Time now);

 private:
  using Empty = google::protobuf::Empty;

  // AppCreate. EPHEMERAL apps die with their client's heartbeat, DETACHED ones with their last
  // input.
  //   errors   NOT_FOUND environment · INVALID_ARGUMENT a state that no app starts in
  Result<modal::client::AppCreateResponse> create(rpc::Call& call,
                                                  const modal::client::AppCreateRequest& request,
                                                  store::Tx& tx);

  // AppHeartbeat, each 15 s.   errors  NOT_FOUND · FAILED_PRECONDITION the app is stopped
  Result<Empty> heartbeat(rpc::Call& call, const modal::client::AppHeartbeatRequest& request,
                          core::Core& core);

  // AppClientDisconnect. The client's last word; afterwards its log stream must end with app_done.
  Result<Empty> disconnect(rpc::Call& call,
                           const modal::client::AppClientDisconnectRequest& request, store::Tx& tx);

  // AppStop.   errors  NOT_FOUND · a stopped app is success
  Result<Empty> stop(rpc::Call& call, const modal::client::AppStopRequest& request, store::Tx& tx);

  void close(const AppId& id);

  Context& c_;
  std::deque<std::pair<Time, AppId>> again_;  // whose end could not be written; the first due first
};

}  // namespace ionian::services
