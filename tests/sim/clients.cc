#include "sim/clients.h"

#include "sim/core_check.h"

namespace ionian::sim {

namespace {
const WorkspaceId kWorkspace("ac-simulated");
}

void Clients::begin() {
  for (std::uint64_t n = 1 + w_.below(4); n > 0; --n)
    w_.after(w_.between(0s, 2min), [this] { add_app(); });
}

void Clients::add_app() {
  if (w_.calm) return;  // too late: the clock has jumped over the days of its client
  auto app = std::make_shared<App>();
  app->id = AppId(cat("ap-", ++names_));
  app->kind = static_cast<Kind>(w_.below(3));
  core::App live{.id = app->id, .workspace = kWorkspace};
  live.detached = app->kind == Kind::kDetached;
  live.ephemeral = !live.detached;
  w_.core.add_app(w_.now(), live);
  model_.app_added(app->id);
  disk_.app_added(live);
  apps_.push_back(app);
  w_.trace("app ", app->id, " of kind ", static_cast<int>(app->kind));
  for (std::uint64_t n = 1 + w_.below(3); n > 0; --n) define(app);
  if (app->kind == Kind::kDeployed) {
    w_.core.keep_app(app->id);
    disk_.app_kept(app->id);
  }
  w_.after(15s, [this, app] { beat(app); });
  for (std::uint64_t n = 3 + w_.below(12); n > 0; --n)
    w_.after(w_.between(0s, 5min), [this, app] { act(app); });
}

core::FunctionConfig Clients::draw_function(const AppPtr& app) {
  core::FunctionConfig f{
      .id = FunctionId(cat("fu-", ++names_)), .app = app->id, .workspace = kWorkspace};
  f.timeout = w_.between(1s, 30s);
  f.startup_timeout = w_.between(2s, 20s);
  f.scaledown_window = w_.one_in(4) ? 0s : w_.between(1s, 60s);
  f.min_containers = w_.one_in(3) ? static_cast<std::uint32_t>(w_.below(5)) : 0;
  f.buffer_containers = w_.one_in(4) ? static_cast<std::uint32_t>(w_.below(3)) : 0;
  f.max_containers = w_.one_in(2) ? static_cast<std::uint32_t>(w_.below(5)) : 0;
  f.max_concurrent_inputs = w_.one_in(3) ? static_cast<std::uint32_t>(1 + w_.below(4)) : 1;
  f.target_concurrent_inputs = w_.one_in(3) ? static_cast<std::uint32_t>(w_.below(5)) : 0;
  f.batch_max_size = w_.one_in(3) ? static_cast<std::uint32_t>(w_.below(5)) : 0;
  f.batch_linger = w_.one_in(2) ? w_.between(0s, 20s) : 0s;
  f.single_use = names_ % 7 == 0;
  f.variant = names_ % 2 == 0;
  f.retry.retries = w_.one_in(2) ? static_cast<std::uint32_t>(w_.below(4)) : 0;
  f.retry.initial_delay = w_.between(0s, 5s);
  f.retry.backoff_coefficient = 1.0 + static_cast<double>(w_.below(3));
  return f;
}

void Clients::define(const AppPtr& app) {
  core::FunctionConfig f = draw_function(app);
  app->functions.push_back(f.id);
  w_.core.define_function(w_.now(), f);
  // Defined anew, as clients do that create the same function twice.
  if (w_.one_in(4)) {
    f.min_containers = static_cast<std::uint32_t>(w_.below(3));
    w_.core.define_function(w_.now(), f);
  }
  disk_.function_defined(f);
}

void Clients::beat(const AppPtr& app) {
  // Now and then a client dies without a word.
  if (!w_.calm && w_.one_in(60)) app->gone = true;
  if (app->gone || !w_.core.heartbeat_app(w_.now(), app->id)) return;
  w_.after(15s, [this, app] { beat(app); });
}

void Clients::act(const AppPtr& app) {
  if (app->gone || w_.calm) return;
  if (w_.one_in(40)) return leave(app);
  if (w_.one_in(25)) {
    w_.trace("stop of ", app->id);
    disk_.app_stopped(app->id);
    for (int i = 0; i < 2; ++i) w_.core.stop_app(w_.now(), app->id);
    return;
  }
  if (w_.one_in(60)) w_.jump(w_.between(0s, 3min));
  call(app);
}

void Clients::leave(const AppPtr& app) {
  w_.trace("the client of ", app->id, " leaves");
  app->gone = true;
  disk_.app_left(app->id);
  w_.core.disconnect_app(w_.now(), app->id);
}

std::vector<core::NewInput> Clients::draw_inputs(std::size_t n) {
  std::vector<core::NewInput> inputs(n);
  for (std::size_t i = 0; i < n; ++i)
    inputs[i] = {.index = static_cast<std::int32_t>(i),
                 .method = w_.one_in(4) ? "other" : "",
                 .payload = std::string(w_.below(60), 'x')};
  return inputs;
}

void Clients::call(const AppPtr& app) {
  core::NewCall fresh{.function = app->functions[w_.below(app->functions.size())],
                      .workspace = kWorkspace};
  disk_.bring_function(fresh.function);
  const bool map = w_.one_in(3);
  fresh.type = map ? core::CallType::kMap : core::CallType::kUnary;
  fresh.asynchronous = w_.one_in(3);
  if (const auto& held = core::CoreCheck(w_.core).inputs(); !held.empty())
    fresh.parent_input = held.begin()->first;
  const auto id = w_.core.start_call(w_.now(), fresh);
  if (!id) return;
  const std::vector<core::NewInput> first = draw_inputs(map ? 0 : 1);
  const auto inputs = w_.core.put_inputs(w_.now(), *id, first);
  if (!inputs) {
    w_.core.cancel_empty_call(*id);
    if (w_.core.call(*id)) w_.violation("a refused call stays");
    return;
  }
  if (!keep(*id, *inputs)) return;
  if (map) put_inputs(*id, w_.below(25));
  if (w_.one_in(15))
    w_.after(w_.between(0s, 20s), [this, id = *id, kill = w_.one_in(3)] {
      w_.trace("cancel of ", id, kill ? " with its containers" : "");
      w_.core.cancel_call(w_.now(), id, kill);
    });
  if (fresh.asynchronous && w_.one_in(2)) return;  // nobody reads it
  auto reader = std::make_shared<Reader>();
  reader->call = *id;
  reader->asynchronous = fresh.asynchronous;
  readers_[core::outputs_key(*id)] = reader;
  read(reader);
}

// An asynchronous call is accepted once it is on disk; what could not be kept is taken back.
bool Clients::keep(const CallId& id, const std::vector<InputId>& inputs) {
  if (!w_.core.call(id)->asynchronous) return model_.accepted(id, inputs), true;
  if (!w_.calm && w_.one_in(15)) {
    const std::size_t before = w_.core.live_inputs();
    w_.core.withdraw_inputs(id, inputs);
    if (w_.core.live_inputs() + inputs.size() != before) w_.violation("withdrawn inputs stay");
    return false;
  }
  model_.accepted(id, inputs);
  disk_.accepted(id, inputs);
  return true;
}

void Clients::put_inputs(const CallId& id, std::size_t left) {
  const std::size_t n = std::min<std::size_t>(left, 1 + w_.below(10));
  if (n == 0) return;
  disk_.load(id);
  const std::size_t before = w_.core.live_inputs();
  const auto inputs = w_.core.put_inputs(w_.now(), id, draw_inputs(n));
  if (inputs) {
    if (inputs->size() != n) w_.violation("took ", inputs->size(), " of ", n, " inputs");
    if (!keep(id, *inputs)) return;
    left -= n;
  } else if (w_.core.live_inputs() != before) {
    w_.violation("refused inputs stay");
  } else if (inputs.error().code != Code::kResourceExhausted || w_.calm) {
    return;  // the app was stopped, or the client has lost patience
  }
  w_.after(w_.between(0s, 5s), [this, id, left] { put_inputs(id, left); });
}

void Clients::read(const ReaderPtr& reader) {
  reader->waiting = reader->woken = false;
  if (reader->asynchronous) disk_.load(reader->call);
  const core::Call* call = w_.core.call(reader->call);
  if (!call) {
    reader->over = true;
    readers_.erase(core::outputs_key(reader->call));
    return;
  }
  for (; reader->position < call->published; ++reader->position) {
    const core::Input* input = w_.core.input(call->output(reader->position));
    if (!reader->seen.emplace(input->id, input->result.generic_result).second)
      w_.violation("a reader of ", reader->call, " got ", input->id, " twice");
    model_.read(input->id);
  }
  if (w_.one_in(2)) w_.core.attend(w_.now(), reader->call, reader->position);
  if (reader->position > 0 && (call->done == call->arrived() || w_.one_in(5)))
    w_.core.release_call(w_.now(), reader->call);
  reader->waiting = true;
}

void Clients::notify(const std::string& key) {
  const auto it = readers_.find(key);
  if (it == readers_.end() || it->second->woken) return;
  it->second->woken = true;
  w_.after(w_.between(0s, 1s), [this, reader = it->second] { read(reader); });
}

void Clients::server_restarted() {
  for (const auto& [key, reader] : std::map(readers_.begin(), readers_.end())) {
    if (!reader->asynchronous) {
      reader->over = true;
      readers_.erase(key);
    } else if (!std::exchange(reader->woken, true)) {
      w_.after(w_.between(0s, 1s), [this, reader] { read(reader); });
    }
  }
}

void Clients::check_waiting() {
  for (const auto& [key, reader] : readers_) {
    const core::Call* call = w_.core.call(reader->call);
    if (call && !reader->woken && reader->position < call->published)
      w_.violation("the reader of ", reader->call, " was not told of an output");
  }
}

void Clients::finish() {
  for (const AppPtr& app : apps_)
    if (!app->gone && app->kind == Kind::kDetached) leave(app);
}

bool Clients::stop_quiet_apps() {
  bool all = true;
  for (const AppPtr& app : apps_) {
    const core::App* live = w_.core.app(app->id);
    if (!live || live->stopping) continue;
    all = false;
    // A detached app whose client has gone ends by itself.
    if (app->kind == Kind::kDetached) continue;
    if (!model_.drained(app->id)) continue;
    disk_.app_stopped(app->id);
    w_.core.stop_app(w_.now(), app->id);
  }
  return all;
}

}  // namespace ionian::sim
