#include "services/audit_log.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace ionian::services {
namespace {

constexpr std::size_t kPageMax = 1000;
constexpr std::size_t kPiecesMax = 10'000;

template <class Request>
store::AuditRange range_of(const rpc::Call& call, const Request& request) {
  const bool all = call.caller.role >= rpc::WorkspaceRole::kManager;
  const Time newest = request.newest_ms() ? from_unix_ms(request.newest_ms()) : call.now;
  return {.workspace = call.caller.workspace,
          .actor = all ? "" : call.caller.principal,
          .text = request.q(),
          .oldest = from_unix_ms(request.oldest_ms()),
          .newest = newest};
}

std::int64_t number_of(const modal::client::AuditLogCursor& cursor) {
  std::int64_t number = 0;
  std::from_chars(cursor.id().data(), cursor.id().data() + cursor.id().size(), number);
  return number;
}

void fill_cursor(modal::client::AuditLogCursor& cursor, const store::AuditEntry& entry) {
  cursor.set_id(std::to_string(entry.number));
  cursor.set_event_at_desc(to_unix_ms(entry.at));
}

void fill_actor(modal::client::AuditLogActor& actor, store::View& view,
                const store::AuditEntry& entry) {
  actor.set_id(entry.actor);
  if (const auto user = store::find_user(view, UserId(entry.actor))) {
    actor.set_type("user");
    actor.set_name(user->name);
    actor.set_email(user->email);
  } else if (const auto robot = store::find_service_user(view, entry.workspace, entry.actor)) {
    actor.set_type("service_user");
    actor.set_name(robot->name);
  } else {
    actor.set_type(entry.actor == "owner" ? "machine_owner" : "unknown");
  }
}

void fill_entry(modal::client::AuditLogEntry& row, store::View& view,
                const store::AuditEntry& entry) {
  row.set_id(std::to_string(entry.number));
  fill_actor(*row.mutable_actor(), view, entry);
  row.set_action(entry.action);
  auto* target = row.add_targets();
  target->set_type(entry.action.substr(0, entry.action.find('.')));
  target->set_id(entry.target);
  row.mutable_context()->set_workspace_id(entry.workspace.str());
  row.mutable_context()->set_source(entry.token.empty() ? "browser or machine" : entry.token);
  row.mutable_context()->set_ip_address(entry.source);
  row.set_event_at(utc_text(entry.at));
  row.set_status("success");
  if (!entry.detail.empty()) row.set_metadata_json(nlohmann::json{{"detail", entry.detail}}.dump());
}

}  // namespace

void AuditLog::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AuditLogSettingsGet", &AuditLog::settings, rpc::Access::kMember);
  on("AuditLogPlan", &AuditLog::plan, rpc::Access::kMember);
  on("AuditLogList", &AuditLog::list, rpc::Access::kMember);
  on("AuditLogCount", &AuditLog::count, rpc::Access::kMember);
}

Result<modal::client::AuditLogSettingsGetResponse> AuditLog::settings(
    rpc::Call&, const modal::client::AuditLogSettingsGetRequest&) {
  modal::client::AuditLogSettingsGetResponse reply;
  reply.set_bucket_size(5000);
  reply.set_page_size(kPageMax);
  reply.set_max_concurrent_requests(4);
  reply.set_max_buffered_buckets(8);
  reply.set_request_timeout_secs(30);
  reply.set_plan_timeout_secs(60);
  return reply;
}

Result<modal::client::AuditLogPlanResponse> AuditLog::plan(
    rpc::Call& call, const modal::client::AuditLogBucketsRequest& request, store::View& view) {
  if (request.bucket_size() == 0) return fail(Code::kInvalidArgument, "bucket_size is 1 or more");
  store::AuditRange range = range_of(call, request);
  if (static_cast<std::size_t>(store::count_audit_range(view, range)) / request.bucket_size() >
      kPiecesMax)
    return fail(Code::kResourceExhausted, "the range holds more than ", kPiecesMax,
                " pieces; ask for a shorter one or larger pieces");
  modal::client::AuditLogPlanResponse reply;
  for (;;) {
    const auto piece = store::list_audit_range(view, range, request.bucket_size());
    if (piece.size() < request.bucket_size()) return reply;
    fill_cursor(*reply.add_cursors(), piece.back());
    range.below = piece.back().number;
  }
}

Result<modal::client::AuditLogListResponse> AuditLog::list(
    rpc::Call& call, const modal::client::AuditLogListRequest& request, store::View& view) {
  store::AuditRange range = range_of(call, request);
  if (request.has_newest_cursor()) range.below = number_of(request.newest_cursor());
  if (request.has_oldest_cursor()) range.at_least = number_of(request.oldest_cursor());
  const std::size_t most = std::clamp<std::size_t>(request.limit(), 1, kPageMax);
  const auto entries = store::list_audit_range(view, range, most);
  modal::client::AuditLogListResponse reply;
  for (const store::AuditEntry& entry : entries) fill_entry(*reply.add_items(), view, entry);
  if (entries.size() == most) fill_cursor(*reply.mutable_next_cursor(), entries.back());
  return reply;
}

Result<modal::client::AuditLogCountResponse> AuditLog::count(
    rpc::Call& call, const modal::client::AuditLogCountRequest& request, store::View& view) {
  modal::client::AuditLogCountResponse reply;
  reply.set_count(store::count_audit_range(view, range_of(call, request)));
  return reply;
}

}  // namespace ionian::services
