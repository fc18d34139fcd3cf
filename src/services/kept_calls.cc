#include "services/kept_calls.h"

#include "base/log.h"
#include "services/variants.h"
#include "store/apps.h"
#include "store/calls.h"
#include "store/replies.h"

namespace ionian::services {
namespace {

store::Call record_of(const core::Call& call) {
  return {.id = call.id,
          .function = call.function,
          .app = call.app,
          .workspace = call.workspace,
          .parent_input = call.parent_input,
          .type = static_cast<int>(call.type),
          .invocation_type = call.invocation_type,
          .created_at = call.created,
          .scheduled_at = call.scheduled};
}

core::Call call_of_record(const store::Call& record) {
  core::Call call;
  call.id = record.id;
  call.function = record.function;
  call.app = record.app;
  call.workspace = record.workspace;
  call.parent_input = record.parent_input;
  call.type = static_cast<core::CallType>(record.type);
  call.asynchronous = true;
  call.invocation_type = record.invocation_type;
  call.created = record.created_at;
  call.scheduled = record.scheduled_at;
  return call;
}

core::Input input_of_record(const store::Call& call, store::CallInput record) {
  core::Input input;
  input.id = record.id;
  input.call = call.id;
  input.function = call.function;
  input.index = record.index;
  input.attempts = record.attempts;
  input.lost_containers = record.lost;
  input.next_attempt = record.next_attempt;
  input.cancelled = record.cancelled;
  input.created = call.created_at;
  if (record.output.empty()) {
    modal::client::FunctionInput what;
    what.ParseFromString(record.input);
    input.method = what.method_name();
    input.payload = std::move(record.input);
    return input;
  }
  modal::client::FunctionGetOutputsItem item;
  item.ParseFromString(record.output);
  input.state = core::InputState::kDone;
  input.task = TaskId(item.task_id());
  input.position = record.position;
  input.started = Time(from_seconds(item.input_started_at()));
  input.done = Time(from_seconds(item.output_created_at()));
  input.result = {.outcome = static_cast<core::Outcome>(item.result().status()),
                  .generic_result = item.result().SerializeAsString(),
                  .data_format = item.data_format()};
  return input;
}

void restore(core::Core& core, store::View& view, Time now, const store::Call& record) {
  // What it has left to do needs it, and what somebody may add.
  function_here(view, core, now, record.workspace, record.function);
  std::vector<core::Input> inputs;
  for (store::CallInput& input : store::list_inputs(view, record.id))
    inputs.push_back(input_of_record(record, std::move(input)));
  core.restore_call(now, call_of_record(record), std::move(inputs));
}

}  // namespace

modal::client::FunctionGetOutputsItem output_item(const core::Input& input) {
  modal::client::FunctionGetOutputsItem item;
  item.mutable_result()->ParseFromString(input.result.generic_result);
  item.set_idx(input.index);
  item.set_input_id(input.id.str());
  item.set_data_format(static_cast<modal::client::DataFormat>(input.result.data_format));
  item.set_task_id(input.task.str());
  item.set_input_started_at(to_unix_seconds(input.started));
  item.set_output_created_at(to_unix_seconds(input.done));
  return item;
}

void keep_call(const Context& c, rpc::Call& call, const core::Call& of,
               const std::vector<InputId>& ids, bool is_new,
               const google::protobuf::Message& reply) {
  std::vector<store::CallInput> inputs;
  for (const InputId& id : ids) {
    const core::Input* input = c.core.input(id);
    inputs.push_back({.id = id, .index = input->index, .input = input->payload});
  }
  store::KeptReply kept{.key = call.reply_key,
                        .request_hash = call.request_hash,
                        .reply = reply.SerializeAsString(),
                        .at = call.now};
  call.before_reply = [&c, record = record_of(of), inputs = std::move(inputs),
                       kept = std::move(kept), ids, is_new](auto tell) mutable {
    auto write = [record, inputs = std::move(inputs), kept = std::move(kept),
                  is_new](store::Tx& tx) -> Result<void> {
      if (is_new)
        store::insert_call(tx, record);
      else
        store::reopen_call(tx, record.id);
      for (const store::CallInput& input : inputs) store::insert_input(tx, record.id, input);
      store::keep_reply(tx, kept);
      return {};
    };
    c.store.write(std::move(write),
                  [&c, id = record.id, ids, tell = std::move(tell)](Result<void> committed) {
                    if (!committed)
                      c.core_loop.post([&c, id, ids] { c.core.withdraw_inputs(id, ids); });
                    tell(std::move(committed));
                  });
  };
}

void keep_cancel(const Context& c, rpc::Call& call, const CallId& id) {
  call.before_reply = [&c, id](auto tell) {
    const auto write = [id](store::Tx& tx) -> Result<void> {
      store::cancel_inputs(tx, id);
      return {};
    };
    c.store.write(write, std::move(tell));
  };
}

void keep_outputs(const Context& c, const std::vector<InputId>& ids,
                  std::function<void(const InputId&)> kept) {
  struct Output {
    CallId call;
    InputId input;
    std::size_t position;
    std::string item;
  };
  std::vector<Output> outputs;
  for (const InputId& id : ids) {
    const core::Input* input = c.core.input(id);
    if (input)
      outputs.push_back(
          {input->call, id, input->position, output_item(*input).SerializeAsString()});
  }
  if (outputs.empty()) return;
  auto write = [&c, outputs = std::move(outputs)](store::Tx& tx) -> Result<void> {
    for (const Output& o : outputs)
      store::keep_output(tx, o.call, o.input, o.position, o.item, c.clock.now());
    return {};
  };
  c.store.write(std::move(write), [&c, ids, kept = std::move(kept)](Result<void> committed) {
    if (!committed)
      log::warning("results of ", ids.size(),
                   " inputs could not be kept: ", committed.error().message);
    c.core_loop.post([&c, ids, kept, is_kept = committed.has_value()] {
      for (const InputId& id : ids) {
        if (!is_kept) {
          c.core.output_not_kept(c.clock.now(), id);
          continue;
        }
        kept(id);
        c.core.output_kept(c.clock.now(), id);
      }
    });
  });
}

void keep_attempts(const Context& c, const InputId& id) {
  const core::Input* input = c.core.input(id);
  if (!input) return;
  store::CallInput tried{.id = id, .input = {}, .output = {}};
  tried.attempts = input->attempts;
  tried.lost = input->lost_containers;
  tried.next_attempt = input->next_attempt;
  const auto write = [tried](store::Tx& tx) -> Result<void> {
    store::keep_attempts(tx, tried);
    return {};
  };
  c.store.write(write, [id](Result<void> committed) {
    if (!committed)
      log::warning("the attempts of ", id, " could not be kept: ", committed.error().message);
  });
}

void begin_kept_call(const Context& c, const store::Call& record, const store::CallInput& input) {
  if (!c.core.app(record.app)) return;
  c.core.restore_call(c.clock.now(), call_of_record(record), {input_of_record(record, input)});
}

const core::Call* load_call(const Context& c, core::Core& core, Time now,
                            const WorkspaceId& workspace, const CallId& id) {
  c.store.read([&](store::View& view) {
    const auto record = store::find_call(view, workspace, id);
    if (!record) return;
    if (!core.app(record->app)) {
      const auto app = store::find_app(view, workspace, record->app);
      if (!app) return;
      core.add_stopped_app(
          now, {.id = app->id, .workspace = workspace, .environment = app->environment});
    }
    restore(core, view, now, *record);
  });
  const core::Call* found = core.call(id);
  return found && found->workspace == workspace ? found : nullptr;
}

void restore_calls(const Context& c, store::View& view, Time now, const AppId& app) {
  for (const store::Call& record : store::list_unfinished_calls(view, app))
    restore(c.core, view, now, record);
}

}  // namespace ionian::services
