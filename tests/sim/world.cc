#include "sim/world.h"

#include <memory>

namespace ionian::sim {

World::World(std::uint64_t seed, bool verbose)
    : stops(seed % 10 == 5),
      set_back(seed % 10 == 6),
      chance_(seed),
      ids_(~seed),
      verbose_(verbose),
      limits(draw_limits(*this)),
      core(limits, ids_) {}

core::Limits World::draw_limits(World& world) {
  core::Limits limits;
  limits.unattended_call = 24h * 365;  // these clients are told of results, and never ask
  limits.tasks_max = static_cast<std::uint32_t>(1 + world.below(12));
  limits.launching_max = static_cast<std::uint32_t>(1 + world.below(3));
  limits.inputs_max = world.one_in(3) ? 20 + world.below(60) : 100'000;
  limits.inputs_per_call_max = world.one_in(3) ? 10 + world.below(20) : 100'000;
  limits.bytes_max = world.one_in(3) ? 500 + world.below(4'000) : 1 << 30;
  limits.lost_containers_max = static_cast<std::uint32_t>(world.below(9));
  limits.look_at_variant = std::chrono::seconds(1 + world.below(60));
  limits.read_inputs_kept = world.below(4);
  return limits;
}

Duration World::between(Duration least, Duration most) {
  return least + Duration(below(static_cast<std::uint64_t>((most - least).count()) + 1));
}

void World::after(Duration wait, std::function<void()> event) {
  queue_.emplace(now_ + wait, std::move(event));
}

void World::restart() {
  if (set_back) now_ -= between(0s, 1h);
  std::destroy_at(&core);
  std::construct_at(&core, limits, ids_);
}

bool World::advance() {
  const std::optional<Time> tick = core.next_tick();
  if (queue_.empty() && !tick) return false;
  ++steps_;
  if (queue_.empty() || (tick && *tick < queue_.begin()->first)) {
    now_ = std::max(now_, *tick);
    return true;
  }
  const auto first = queue_.begin();
  now_ = std::max(now_, first->first);
  const std::function<void()> event = std::move(first->second);
  queue_.erase(first);
  event();
  return true;
}

void World::write_trace(const std::string& text) const {
  const double at = to_unix_seconds(now_) - 1'800'000'000.0;
  std::printf("%12.6f  %s\n", at, text.c_str());
}

}  // namespace ionian::sim
