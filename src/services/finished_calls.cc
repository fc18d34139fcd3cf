#include "services/finished_calls.h"

#include "base/cat.h"
#include "store/apps.h"

namespace ionian::services {
namespace {

using modal::client::FunctionGetOutputsResponse;

constexpr std::int64_t kFewInputs = 100;
constexpr std::string_view kExpiredText =
    "the results of this function call were kept for 7 days and have been removed";

// Python clients raise what they unpickle; all others show the text.
void add_expired(FunctionGetOutputsResponse& reply, std::int32_t index) {
  auto& item = *reply.add_outputs();
  item.set_idx(index);
  item.set_data_format(modal::client::DATA_FORMAT_PICKLE);
  auto& result = *item.mutable_result();
  result.set_status(modal::client::GenericResult::GENERIC_STATUS_FAILURE);
  result.set_exception(std::string(kExpiredText));
  result.set_data(cat("cmodal.exception\nOutputExpiredError\n(V", kExpiredText, "\ntR."));
  reply.add_idxs(index);
}

}  // namespace

std::optional<FinishedCall> find_finished_call(const Context& c, const core::Core& core,
                                               const WorkspaceId& workspace, const CallId& id) {
  // Of another workspace's as much is asked of the store as of nobody's: time tells nothing.
  const core::Call* held = core.call(id);
  if (held && held->workspace == workspace) return std::nullopt;
  return c.store.read([&](store::View& view) -> std::optional<FinishedCall> {
    auto record = store::find_call(view, workspace, id);
    if (!record || !record->done_at) return std::nullopt;
    const auto app = store::find_app(view, workspace, record->app);
    if (!app) return std::nullopt;
    return FinishedCall{.record = *std::move(record),
                        .environment = app->environment,
                        .inputs = store::count_inputs(view, id)};
  });
}

bool asks_for_few(const modal::client::FunctionGetOutputsRequest& request) {
  const std::string& cursor = request.last_entry_id();
  return (cursor.empty() || cursor.starts_with("0-")) && !request.max_values() &&
         request.has_start_idx() && request.has_end_idx() &&
         request.start_idx() <= request.end_idx() &&
         std::int64_t{request.end_idx()} - request.start_idx() < kFewInputs;
}

FunctionGetOutputsResponse outputs_of(const Context& c, const FinishedCall& call,
                                      const modal::client::FunctionGetOutputsRequest& request,
                                      std::size_t bytes_max) {
  FunctionGetOutputsResponse reply;
  reply.set_last_entry_id(cat(call.inputs, "-0"));
  if (call.inputs == 0) {
    add_expired(reply, request.start_idx());
    return reply;
  }
  const auto found = c.store.read([&](store::View& view) {
    return store::list_outputs(view, call.record.id, request.start_idx(), request.end_idx());
  });
  std::size_t bytes = 0;
  for (const store::CallInput& input : found) {
    if (bytes >= bytes_max) {
      reply.set_last_entry_id("0-0");  // the others come when they are asked for
      break;
    }
    bytes += input.output.size();
    reply.add_outputs()->ParseFromString(input.output);
    reply.add_idxs(input.index);
  }
  return reply;
}

}  // namespace ionian::services
