#include "services/finished_calls.h"

#include <charconv>
#include <limits>

#include "base/cat.h"
#include "store/apps.h"

namespace ionian::services {
namespace {

using modal::client::FunctionGetOutputsResponse;

constexpr std::int64_t kFewInputs = 100;
constexpr std::size_t kOutputsMax = 1000;  // a reply
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
                        .inputs = store::count_inputs(view, id),
                        .last_index = store::last_index(view, id)};
  });
}

bool asks_for_few(const modal::client::FunctionGetOutputsRequest& request) {
  const std::string& cursor = request.last_entry_id();
  return (cursor.empty() || cursor.starts_with("0-")) && !request.max_values() &&
         request.has_start_idx() && request.has_end_idx() &&
         request.start_idx() <= request.end_idx() &&
         std::int64_t{request.end_idx()} - request.start_idx() < kFewInputs;
}

Cursor cursor_of(const std::string& id) {
  Cursor at;
  std::from_chars(id.data(), id.data() + id.size(), at.place);
  at.by_number = id.ends_with("-1");
  return at;
}

bool can_be_read_on_disk(const FinishedCall& call,
                         const modal::client::FunctionGetOutputsRequest& request) {
  const Cursor at = cursor_of(request.last_entry_id());
  return at.by_number || at.place == 0 || at.place >= call.inputs;
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
  const Cursor at = cursor_of(request.last_entry_id());
  if (!at.by_number && at.place > 0) return reply;  // it has them all
  using Number = std::numeric_limits<std::int32_t>;
  std::int32_t first = request.has_start_idx() ? request.start_idx() : Number::min();
  const std::int32_t last = request.has_end_idx() ? request.end_idx() : Number::max();
  if (at.by_number)
    first = std::max(first, static_cast<std::int32_t>(std::min<std::size_t>(
                                at.place, static_cast<std::size_t>(Number::max()))));
  const std::size_t most =
      request.max_values() > 0 ? static_cast<std::size_t>(request.max_values()) : kOutputsMax;
  const auto found = c.store.read([&](store::View& view) {
    return store::list_outputs(
        view, call.record.id, {.first = first, .last = last, .most = most, .bytes_max = bytes_max});
  });
  for (const store::CallInput& input : found) {
    reply.add_outputs()->ParseFromString(input.output);
    reply.add_idxs(input.index);
  }
  // The others come when they are asked for.
  if (!found.empty() && found.back().index < std::min(last, call.last_index))
    reply.set_last_entry_id(cat(found.back().index + 1, "-1"));
  return reply;
}

}  // namespace ionian::services
