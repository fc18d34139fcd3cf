#pragma once
// Logs of the past: fetched and counted by a stretch of time.
#include "modal_proto/app.pb.h"
#include "services/context.h"

namespace ionian::services {

class LogHistory {
 public:
  explicit LogHistory(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // AppFetchLogs. The newest `limit` entries (at most 20,000) between `since` and `until` that fit
  // the filters, the oldest of them first. Long logs are read in steps, so that others get their
  // turn.
  //   errors   NOT_FOUND app · INVALID_ARGUMENT a range of more than 35 days, or one that ends
  //   before it begins
  std::optional<Result<modal::client::AppFetchLogsResponse>> fetch(
      rpc::Call& call, const modal::client::AppFetchLogsRequest& request, logs::LogStore& logs);

  // AppCountLogs. The same entries, counted by stream in buckets of bucket_secs; empty buckets are
  // left out.
  std::optional<Result<modal::client::AppCountLogsResponse>> count(
      rpc::Call& call, const modal::client::AppCountLogsRequest& request, logs::LogStore& logs);

  Context& c_;
};

}  // namespace ionian::services
