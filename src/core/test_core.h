#pragma once
// A core for tests: one app, one function, a clock that the test moves, and the core's wishes by
// kind.
#include <gtest/gtest.h>

#include <functional>

#include "core/core.h"

namespace ionian::core {

class CoreTest : public testing::Test {
 protected:
  explicit CoreTest(Limits of = {}) : limits(of) {}
  // A function of the app; `change` may set what the test is about.
  FunctionId function(const std::string& name,
                      const std::function<void(FunctionConfig&)>& change = {}) {
    FunctionConfig config{.id = FunctionId("fu-" + name), .app = app, .workspace = workspace};
    if (change) change(config);
    core.define_function(now, config);
    return config.id;
  }
  CallId call(const FunctionId& f, std::size_t inputs, bool asynchronous = false) {
    const auto id =
        core.start_call(now, {.function = f, .workspace = workspace, .asynchronous = asynchronous});
    EXPECT_TRUE(id.has_value());
    EXPECT_TRUE(core.put_inputs(now, *id, std::vector<NewInput>(inputs)).has_value());
    return *id;
  }
  // All containers that the core has asked for since the last look.
  std::vector<TaskId> started() {
    collect();
    return std::exchange(started_, {});
  }
  bool was_told(const std::string& key) {
    collect();
    return told_.erase(key) > 0;
  }
  bool drained() {
    collect();
    return drained_;
  }
  bool was_killed(const TaskId& id) {
    collect();
    return killed_.contains(id);
  }
  bool was_interrupted(const TaskId& id) {
    collect();
    return interrupted_.contains(id);
  }
  // Whose output a task's is.
  InputId heard_from(const TaskId& id) {
    collect();
    return heard_from_[id];
  }
  // Results that the core has asked to keep since the last look.
  std::vector<InputId> to_keep() {
    collect();
    return std::exchange(to_keep_, {});
  }
  std::vector<InputId> take(const TaskId& task, std::size_t most = 1) {
    std::vector<InputId> ids;
    for (const Input* input : core.take_inputs(now, task, most)) ids.push_back(input->id);
    return ids;
  }
  void put(const TaskId& task, const InputId& input, Outcome outcome, std::string text = "result") {
    core.put_output(now, task, input, {.outcome = outcome, .generic_result = std::move(text)});
  }
  // Lets time pass as the server's driver does.
  void pass(Duration by) {
    const Time end = now + by;
    for (auto next = core.next_tick(); next && *next <= end; next = core.next_tick()) {
      now = std::max(now, *next);
      core.tick(now);
      collect();
    }
    now = end;
  }

  const Limits limits;
  SeededRandom random{1};
  Core core{limits, random};
  Time now{1'800'000'000s};
  const AppId app{"ap-1"};
  const WorkspaceId workspace{"ac-1"};
  std::vector<AppId> ended;

  void SetUp() override {
    core.add_app(now, {.id = app, .workspace = workspace, .ephemeral = false});
  }

 private:
  void collect() {
    for (const Action& action : core.take_actions(now)) {
      if (const auto* a = std::get_if<StartTask>(&action)) started_.push_back(a->task);
      if (const auto* a = std::get_if<Notify>(&action)) told_.insert(a->key);
      if (const auto* a = std::get_if<KillTask>(&action)) killed_.insert(a->task);
      if (const auto* a = std::get_if<InterruptTask>(&action)) interrupted_.insert(a->task);
      if (const auto* a = std::get_if<NoteRunningInput>(&action)) heard_from_[a->task] = a->input;
      if (const auto* a = std::get_if<KeepOutput>(&action)) to_keep_.push_back(a->input);
      if (const auto* a = std::get_if<AppEnded>(&action)) ended.push_back(a->app);
      drained_ |= std::holds_alternative<Drained>(action);
    }
  }
  std::vector<TaskId> started_;
  std::set<std::string> told_;
  std::set<TaskId> killed_, interrupted_;
  std::vector<InputId> to_keep_;
  std::map<TaskId, InputId> heard_from_;
  bool drained_ = false;
};

}  // namespace ionian::core
