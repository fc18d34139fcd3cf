#pragma once
// What clients read of logs.
#include "modal_proto/app.pb.h"
#include "services/context.h"

namespace ionian::services {

class AppLogs {
 public:
  explicit AppLogs(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // AppGetLogs (stream). Everything after last_entry_id, then what comes, until the app is done or
  // `timeout` is over.
  //   out      batches in order; the last one of an ended app says app_done. A stream that ends
  //   without it is
  //            asked for again by the client, at once
  //   errors   NOT_FOUND
  std::optional<Status> get(rpc::Call& call, const modal::client::AppGetLogsRequest& request,
                            logs::LogStore& logs, rpc::Emit<modal::client::TaskLogsBatch>& emit);

  Context& c_;
};

}  // namespace ionian::services
