#pragma once
// The audit log for programs. Managers see all of their workspace, others their own lines.
#include "modal_proto/common.pb.h"
#include "services/context.h"
#include "store/audit.h"

namespace ionian::services {

class AuditLog {
 public:
  explicit AuditLog(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // AuditLogSettingsGet. How clients pace themselves; zeros would stop them.
  Result<modal::client::AuditLogSettingsGetResponse> settings(
      rpc::Call& call, const modal::client::AuditLogSettingsGetRequest& request);
  // AuditLogPlan. Cursors that cut the range into pieces of bucket_size entries, newest first.
  //   errors   INVALID_ARGUMENT bucket_size · RESOURCE_EXHAUSTED the range holds too many pieces
  Result<modal::client::AuditLogPlanResponse> plan(
      rpc::Call& call, const modal::client::AuditLogBucketsRequest& request, store::View& view);
  // AuditLogList. Newest first: after newest_cursor, down to oldest_cursor itself.
  //   out      next_cursor while there may be more
  Result<modal::client::AuditLogListResponse> list(
      rpc::Call& call, const modal::client::AuditLogListRequest& request, store::View& view);
  // AuditLogCount.
  Result<modal::client::AuditLogCountResponse> count(
      rpc::Call& call, const modal::client::AuditLogCountRequest& request, store::View& view);

  Context& c_;
};

}  // namespace ionian::services
