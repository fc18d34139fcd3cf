#include "sim/simulation.h"

namespace ionian::sim {

std::string Simulation::run() {
  clients_.begin();
  if (w_.one_in(2))
    for (std::uint64_t n = 1 + w_.below(4); n > 0; --n)
      w_.after(w_.between(10s, 6min), [this] { restart(); });
  const Time chaos_until = w_.now() + 6min;
  go(1h, [&] { return w_.now() >= chaos_until; });
  w_.calm = true;
  clients_.finish();
  settle();
  // Every accepted input must come to its result without anybody's help.
  if (!go(72h, [&] { return clients_.stop_quiet_apps(); }))
    w_.violation("inputs wait for ever:", model_.unfinished());
  settle();
  // A server that dies once more brings apps back that were about to end.
  go(72h, [&] { return clients_.stop_quiet_apps(), false; });
  model_.check_end();
  return w_.violated();
}

template <class Done>
bool Simulation::go(Duration limit, Done done) {
  const Time end = w_.now() + limit;
  while (w_.violated().empty()) {
    if (done()) return true;
    if (w_.now() > end || !w_.advance()) return done();
    // Several events may come before their consequences are drawn.
    while (w_.one_in(4)) w_.advance();
    settle();
    model_.check();
    clients_.check_waiting();
    containers_.check_waiting();
  }
  return true;
}

// As the server's driver does it after each batch of events.
void Simulation::settle() {
  for (int rounds = 0;; ++rounds) {
    if (const auto next = w_.core.next_tick(); next && *next <= w_.now()) w_.core.tick(w_.now());
    carry_out();
    const auto next = w_.core.next_tick();
    if (!next || *next > w_.now()) return;
    if (rounds == 3)
      return w_.violation("the core wants to be called in the past, again and again");
  }
}

void Simulation::carry_out() {
  for (const core::Action& action : w_.core.take_actions(w_.now()))
    std::visit([this](const auto& a) { carry_out(a); }, action);
}

void Simulation::restart() {
  w_.trace("the server dies and starts again");
  containers_.vanish();
  disk_.restart();
  clients_.server_restarted();
}

void Simulation::carry_out(const core::AppEnded& a) {
  model_.app_ended(a.app);
  disk_.app_stopped(a.app);
}

void Simulation::carry_out(const core::KeepOutput& a) {
  model_.kept(a.input);
  disk_.keep_output(a.input);
}

void Simulation::carry_out(const core::Notify& a) {
  containers_.notify(a.key);
  clients_.notify(a.key);
}

}  // namespace ionian::sim
