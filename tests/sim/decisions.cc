#include "sim/decisions.h"

#include <chrono>
#include <cstdio>

#include "core/core.h"

namespace ionian::sim {
namespace {

constexpr int kDecisions = 20'000;

// A core with one function, `containers` of it, and inputs pending.
struct Bench {
  explicit Bench(std::size_t pending) {
    core.add_app(now, {.id = app, .workspace = workspace, .ephemeral = false});
    core.define_function(
        now, {.id = function, .app = app, .workspace = workspace, .max_containers = 10});
    call = *core.start_call(now, {.function = function, .workspace = workspace});
    add(pending);
  }
  void add(std::size_t n) {
    std::vector<core::NewInput> inputs(n);
    for (core::NewInput& input : inputs) input.payload = "an argument";
    (void)core.put_inputs(now, call, std::move(inputs));
    for (const core::Action& action : core.take_actions(now))
      if (const auto* start = std::get_if<core::StartTask>(&action)) tasks.push_back(start->task);
  }
  double ns_per_decision() {
    std::vector<std::pair<TaskId, InputId>> running;
    for (std::size_t i = 0; i < tasks.size(); ++i) {  // a start leads to the next one
      running.emplace_back(tasks[i], core.take_inputs(now, tasks[i], 1).at(0)->id);
      add(1);
    }
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < kDecisions; ++i) {
      auto& [task, input] = running[static_cast<std::size_t>(i) % running.size()];
      core.put_output(now, task, input,
                      {.outcome = core::Outcome::kSuccess, .generic_result = "a result"});
      input = core.take_inputs(now, task, 1).at(0)->id;
      add(1);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    return took.count() / kDecisions;
  }

  Time now{1'800'000'000s};
  SeededRandom random{1};
  core::Core core{{.pending_max = 1'000'000, .awaited_max = 1'000'000}, random};
  const AppId app{"ap-bench"};
  const FunctionId function{"fu-bench"};
  const WorkspaceId workspace{"ac-bench"};
  CallId call;
  std::vector<TaskId> tasks;
};

constexpr int kRounds = 5;

}  // namespace

// In turns, so that what else the machine does falls on both.
void print_decisions() {
  for (int round = 0; round < kRounds; ++round) {
    const double few = Bench(10).ns_per_decision(), many = Bench(100'000).ns_per_decision();
    std::printf("decision with 10 pending: %.0f ns, with 100000 pending: %.0f ns, ratio %.2f\n",
                few, many, many / few);
  }
}

}  // namespace ionian::sim
