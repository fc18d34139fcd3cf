#include "sim/containers.h"

#include "sim/core_check.h"

namespace ionian::sim {

using core::Outcome;

namespace {

core::Result result(Outcome outcome, std::string text) {
  return {.outcome = outcome, .generic_result = std::move(text), .data_format = 1};
}

}  // namespace

Manner Containers::draw_manner() {
  if (w_.calm || w_.below(10) < 6) return Manner::kGood;
  return static_cast<Manner>(w_.below(static_cast<std::uint64_t>(Manner::kGreedy) + 1));
}

void Containers::start(const core::StartTask& a) {
  model_.started(a.task, a.function);
  auto c = std::make_shared<Container>();
  const core::FunctionConfig& config = w_.core.function(a.function)->config;
  c->id = a.task;
  c->function = a.function;
  c->manner = draw_manner();
  c->deaf = !w_.calm && w_.one_in(8);
  c->repeats = w_.one_in(8);
  c->batch = std::max(1u, config.batch_max_size);
  c->slots = std::max(1u, config.max_concurrent_inputs);
  living_.emplace(c->id, c);
  w_.trace("start ", c->id, " of ", c->function, ", manner ", static_cast<int>(c->manner));
  Duration ready = w_.between(1ms, 3s);
  if (c->manner == Manner::kLate) ready += config.startup_timeout;
  w_.after(ready, [this, c] { boot(c); });
}

void Containers::boot(const Ptr& c) {
  if (c->dead) return;
  switch (c->manner) {
    case Manner::kFailsToStart:
      return exit(c, {.failed_start = "no layer", .of_machine = w_.one_in(2)});
    case Manner::kDiesAtStart:
      return exit(c, {.exit_code = 1});
    case Manner::kImportFails:
      w_.core.task_hello(w_.now(), c->id);
      for (int i = 0; i < 1 + c->repeats; ++i)
        w_.core.task_failed(w_.now(), c->id, result(Outcome::kFailure, "import failed"));
      return exit_later(c, 2s, {.exit_code = 0});
    default:
      break;
  }
  if (c->manner == Manner::kLost && w_.one_in(3)) return exit(c, {.lost = true});
  for (int i = 0; i < 1 + c->repeats; ++i) w_.core.task_hello(w_.now(), c->id);
  const std::size_t asks = c->slots + (c->manner == Manner::kGreedy ? 2 : 0);
  for (std::size_t i = 0; i < asks; ++i) w_.after(Duration(i * 1'000), [this, c] { ask(c); });
}

void Containers::ask(const Ptr& c) {
  if (c->dead) return;
  std::vector<InputId> ids;
  std::set<std::string> methods;
  const core::Task* task = w_.core.task(c->id);
  const bool idle = task->state == core::TaskState::kReady && task->running.empty();
  const std::optional<Time> deadline = task->deadline;
  for (const core::Input* input : w_.core.take_inputs(w_.now(), c->id, c->batch)) {
    ids.push_back(input->id);
    methods.insert(input->method);
  }
  if (ids.size() > c->batch || methods.size() > 1)
    w_.violation(c->id, " got a batch of ", ids.size());
  const core::FunctionConfig& config = w_.core.function(c->function)->config;
  // Nothing is left that could have filled it up, so it should have waited.
  if (!ids.empty() && ids.size() < config.batch_max_size &&
      w_.core.function(c->function)->pending.empty() &&
      w_.now() < w_.core.input(ids.front())->created + config.batch_linger)
    w_.violation(c->id, " got a batch of ", ids.size(), " too early");
  for (const InputId& id : ids) model_.took(c->id, id);
  if (!ids.empty()) return work(c, std::move(ids));
  if (!w_.core.should_stop(c->id)) {
    if (idle && task->deadline != deadline)
      w_.violation(c->id, " stays longer because it asks for inputs");
    return wait(c);
  }
  if (!c->deaf) exit_later(c, 3s, {.exit_code = 0});
}

// The poll: looks again when it is notified, and after 50 s in any case.
void Containers::wait(const Ptr& c) {
  ++c->waiting;
  w_.after(50s, [this, c, round = c->round] {
    if (c->round == round) wake(c);
  });
}

void Containers::wake(const Ptr& c) {
  if (c->dead || c->waiting == 0) return;
  const int calls = std::exchange(c->waiting, 0);
  ++c->round;
  c->woken = true;
  w_.after(0s, [this, c, calls] {
    c->woken = false;
    for (int i = 0; i < calls; ++i) ask(c);
  });
}

void Containers::notify(const std::string& key) {
  for (const auto& [id, c] : living_) {
    if (core::inputs_key(id) == key) return wake(c);
    if (core::cancels_key(id) == key)
      return w_.after(w_.between(0s, 1s), [this, c = c] { cancel(c); });
  }
}

// Most end what they are told to cancel; the others go on as if they had not heard.
void Containers::cancel(const Ptr& c) {
  if (c->dead) return;
  for (const InputId& id : w_.core.take_cancelled(w_.now(), c->id))
    if (!c->deaf) model_.put(c->id, id, result(Outcome::kTerminated, cat("cancelled: ", id)));
}

void Containers::vanish() {
  for (const auto& [id, c] : living_) c->dead = true;
  living_.clear();
}

void Containers::work(const Ptr& c, std::vector<InputId> inputs) {
  w_.trace(c->id, " works on ", inputs.front(), " and ", inputs.size() - 1, " more");
  const Duration timeout = w_.core.function(c->function)->config.timeout;
  const bool slow = !w_.calm && w_.one_in(20);
  const Duration takes = w_.between(0s, slow ? 2 * timeout : timeout / 2);
  if (!w_.calm && w_.one_in(4)) generate(c, inputs.front());
  if (w_.stops && !w_.calm && w_.one_in(4))
    w_.after(w_.between(0s, takes), [this, id = c->id, graceful = w_.one_in(3)] {
      w_.trace("somebody stops ", id, graceful ? ", gracefully" : "");
      if (!graceful) model_.interrupted(id);
      w_.core.end_task(w_.now(), id, graceful);
    });
  switch (c->manner) {
    case Manner::kHangs:
      return;
    case Manner::kCrashes:
      return exit_later(c, takes, {.exit_code = 0, .signal = w_.one_in(2) ? 11 : 0});
    case Manner::kOutOfMemory:
      return exit_later(c, takes, {.signal = 9, .out_of_memory = true});
    case Manner::kLost:
      return exit_later(c, takes,
                        w_.one_in(3) ? core::TaskExit{.signal = 9, .cut_off = true}
                                     : core::TaskExit{.lost = true});
    default:
      break;
  }
  w_.after(takes, [this, c, inputs = std::move(inputs)] { answer(c, inputs); });
}

// An answer may come after its container's end: it was on the way.
void Containers::answer(const Ptr& c, const std::vector<InputId>& inputs) {
  if (c->dead && !w_.one_in(4)) return;
  for (const InputId& input : inputs) put(c, input);
  if (c->repeats)
    for (const InputId& input : inputs) put(c, input);
  // Now and then somebody answers for an input that is not its own.
  if (const auto& all = core::CoreCheck(w_.core).inputs(); w_.one_in(30) && !all.empty()) {
    InputId first = all.begin()->first;
    for (const auto& [id, input] : all) first = std::min(first, id);
    if (!living_.empty() && w_.core.input(first)->task != c->id) put(c, first);
  }
  if (c->manner != Manner::kMute) w_.after(w_.between(0s, 1ms), [this, c] { ask(c); });
}

void Containers::put(const Ptr& c, const InputId& input) {
  const std::uint64_t kind = w_.calm ? 0 : w_.below(12);
  const std::string by = cat(input, " by ", c->id, " at ", w_.now().time_since_epoch().count());
  if (kind == 9 || kind == 10)
    model_.put(c->id, input, result(Outcome::kFailure, cat("failed: ", by)));
  else if (kind == 11)
    model_.put(c->id, input, result(Outcome::kInternalFailure, cat("internal: ", by)));
  else
    model_.put(c->id, input, result(Outcome::kSuccess, cat("ok: ", by)));
}

// A generator's chunks, some of them sent again, some too early.
void Containers::generate(const Ptr& c, const InputId& input) {
  const CallId call = w_.core.input(input)->call;
  std::uint64_t index = 1;
  for (std::uint64_t i = w_.below(6); i > 0; --i) {
    const auto yielded = [&] {
      const core::Call& of = *w_.core.call(call);
      return of.data_out_read + of.data_out.size();
    };
    const std::uint64_t size = yielded();
    std::vector<core::DataChunk> chunks(1 + w_.below(3), core::DataChunk{"chunk of a generator"});
    const std::uint64_t first = w_.one_in(5) ? index + 1 + w_.below(4) : 1 + w_.below(index);
    const auto added = w_.core.add_data_out(c->id, call, first, chunks);
    const std::uint64_t after = yielded();
    if (first > size + 1 && (added || after != size)) w_.violation("a gap in the chunks of ", call);
    if (added && after != std::max(size, first + chunks.size() - 1))
      w_.violation("chunks of ", call, ": ", after, " after ", first, "+", chunks.size(), " onto ",
                   size);
    index = after + 1;
    if (w_.one_in(3)) w_.core.await_data_out(w_.now(), call, w_.below(index + 1));
  }
  w_.trace(c->id, " generated ", index - 1, " chunks");
}

core::TaskExit Containers::end_of(const Ptr& c) const {
  return c->manner == Manner::kLost ? core::TaskExit{.lost = true} : core::TaskExit{.signal = 9};
}

void Containers::stop(const core::StopTask& a) {
  w_.trace("stop ", a.task);
  model_.stop_asked(a.task);
  const auto it = living_.find(a.task);
  if (it == living_.end()) return;
  if (!it->second->deaf) exit_later(it->second, 3s, {.signal = 15});
}

void Containers::interrupt(const core::InterruptTask& a) {
  w_.trace("interrupt ", a.task);
  model_.stop_asked(a.task);
  const auto it = living_.find(a.task);
  if (it != living_.end() && !it->second->deaf) exit_later(it->second, 3s, {});
}

void Containers::kill(const core::KillTask& a) {
  w_.trace("kill ", a.task);
  model_.kill_asked(a.task);
  const auto it = living_.find(a.task);
  if (it != living_.end()) exit_later(it->second, 500ms, end_of(it->second));
}

void Containers::exit_later(const Ptr& c, Duration most, core::TaskExit how) {
  w_.after(w_.between(0s, most), [this, c, how] { exit(c, how); });
}

void Containers::exit(const Ptr& c, core::TaskExit how) {
  if (c->dead) return;
  c->dead = true;
  w_.trace("end of ", c->id,
           how.lost      ? ", lost"
           : how.cut_off ? ", cut off"
                         : "",
           how.failed_start.empty() ? "" : ", did not start");
  living_.erase(c->id);
  model_.exited(c->id);
  w_.core.task_exited(w_.now(), c->id, how);
  if (c->repeats) w_.core.task_exited(w_.now(), c->id, how);
}

bool Containers::batch_lingers(const core::Function& f) const {
  if (f.pending.empty() || f.pending.size() >= std::max(1u, f.config.batch_max_size)) return false;
  const core::Input& first = *w_.core.input(f.pending.front());
  return w_.now() < first.created + f.config.batch_linger;
}

void Containers::check_waiting() {
  for (const auto& [id, c] : living_) {
    const core::Task* task = w_.core.task(id);
    const core::Function* f = w_.core.function(c->function);
    if (!task || !f || c->waiting == 0 || c->woken || c->manner == Manner::kGreedy) continue;
    if (task->state == core::TaskState::kStopping && !task->killed && task->running.empty())
      w_.violation(id, " waits for inputs and was not told to end");
    if (task->state != core::TaskState::kReady || task->spent || f->pending.empty()) continue;
    if (batch_lingers(*f)) continue;
    // Those that were told have not all asked yet, or have died, which the core is about to hear.
    bool told = false;
    for (const TaskId& other : f->tasks)
      if (const auto it = living_.find(other); it != living_.end())
        told |= it->second->woken || it->second->dead;
    if (!told) w_.violation(id, " waits beside ", f->pending.size(), " inputs");
  }
}

}  // namespace ionian::sim
