// What the scheduler makes of bursts, long tails, flapping load and programs that do not start:
// hours of a machine's life, with containers that take as long as the test says.
#include <queue>

#include "core/test_core.h"

namespace ionian::core {
namespace {

class Autoscaler : public CoreTest {
 protected:
  struct Manner {
    Duration hello = 50ms;  // from its start
    Duration load = 1s;     // from then on, until it asks for inputs
    Duration run = 1s;      // of each input
    bool fails = false;     // in place of asking
  };
  struct Seen {
    std::vector<Time> starts;
    std::size_t there = 0, most = 0;
    Time last_result;
  };

  explicit Autoscaler() : CoreTest(Limits{}) {}

  void manner(const FunctionId& f, Manner of) { manners_[f] = of; }
  void at(Duration from_now, std::function<void()> what) {
    events_.push({now + from_now, next_event_++, std::move(what)});
  }
  // Lets everything happen that happens until then.
  void live(Duration by) {
    const Time end = now + by;
    for (;;) {
      begin_what_was_asked_for();
      std::optional<Time> next = core.next_tick();
      if (!events_.empty() && (!next || events_.top().at < *next)) next = events_.top().at;
      if (!next || *next > end) break;
      now = std::max(now, *next);
      core.tick(now);
      while (!events_.empty() && events_.top().at <= now) {
        const std::function<void()> what = events_.top().what;
        events_.pop();
        what();
      }
    }
    now = end;
  }

  std::map<FunctionId, Seen> seen;

 private:
  struct Event {
    Time at;
    int order;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  void begin_what_was_asked_for() {
    for (const TaskId& id : started()) {
      const FunctionId f = core.task(id)->function;
      Seen& of = seen[f];
      of.starts.push_back(now);
      of.most = std::max(of.most, ++of.there);
      at(manners_[f].hello, [this, id, f] {
        if (!core.task(id)) return;
        core.task_hello(now, id);
        at(manners_[f].load, [this, id, f] { ask(id, f); });
      });
    }
  }
  void ask(const TaskId& id, const FunctionId& f) {
    if (!core.task(id)) return;
    if (manners_[f].fails) return end(id, f, {.exit_code = 1});
    const std::vector<InputId> taken = take(id);
    if (core.should_stop(id)) return end(id, f, {});
    // Told of news as soon as there are some; looking every 100 ms is as good here.
    if (taken.empty()) return at(100ms, [this, id, f] { ask(id, f); });
    at(manners_[f].run, [this, id, f, input = taken[0]] {
      if (!core.task(id)) return;
      put(id, input, Outcome::kSuccess);
      seen[f].last_result = now;
      ask(id, f);
    });
  }
  void end(const TaskId& id, const FunctionId& f, const TaskExit& how) {
    --seen[f].there;
    core.task_exited(now, id, how);
  }

  std::map<FunctionId, Manner> manners_;
  std::priority_queue<Event> events_;
  int next_event_ = 0;
};

// 800 inputs of a second, with programs that load for 30: no container waits for another's.
TEST_F(Autoscaler, ABurstIsServedByAllAtOnce) {
  const FunctionId f = function("f");
  manner(f, {.load = 30s});
  const Time begun = now;
  call(f, 800, true);
  live(5min);
  EXPECT_EQ(seen[f].most, limits.tasks_max - limits.tasks_max / 8);
  EXPECT_EQ(seen[f].starts.size(), seen[f].most) << "none was started twice";
  // 44 pairs say hello, all load, and each runs nine or ten.
  EXPECT_LE(seen[f].last_result - begun, 44 * 50ms + 30s + 10 * 1s + 1s);
  EXPECT_EQ(seen[f].there, 0u) << "and all are gone a minute later";
}

// Short inputs for which a few containers do, though many wait at first.
TEST_F(Autoscaler, NoMoreStartThanThereAreInputsLeft) {
  const FunctionId f = function("f");
  manner(f, {.hello = 500ms, .load = 0s, .run = 10ms});
  call(f, 100, true);
  live(5min);
  EXPECT_LE(seen[f].starts.size(), 4u);
}

TEST_F(Autoscaler, OfALongTailOneContainerIsLeft) {
  const FunctionId f = function("f"), tail = function("tail");
  manner(f, {});
  manner(tail, {.run = 2h});
  for (const FunctionId& each : {f, tail})
    core.define_function(now, {.id = each, .app = app, .workspace = workspace, .timeout = 24h});
  call(f, 40, true);
  call(tail, 1, true);
  live(10min);
  const std::size_t starts = seen[f].starts.size();
  EXPECT_EQ(seen[f].there, 0u);
  live(3h);
  EXPECT_EQ(seen[f].starts.size(), starts);
  EXPECT_EQ(seen[tail].starts.size(), 1u);
  EXPECT_EQ(seen[tail].there, 0u);
}

// Load that comes and goes within the window keeps its containers; nothing starts and ends in turn.
TEST_F(Autoscaler, LoadThatFlapsStartsNothingTwice) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.scaledown_window = 60s; });
  manner(f, {});
  for (int minute = 0; minute < 60; ++minute)
    at(30s * minute, [this, f, minute] { call(f, minute % 2 ? 1 : 10, true); });
  live(31min);
  EXPECT_GE(seen[f].most, 2u);
  // In turns, each is used within its window or goes: at most one comes back for each that went.
  EXPECT_LE(seen[f].starts.size(), 2 * seen[f].most);
}

// One that cannot start takes no places and no time from another.
TEST_F(Autoscaler, WhatCannotStartWaitsEverLongerAndHoldsUpNobody) {
  const FunctionId poisoned = function("poisoned"), fine = function("fine");
  manner(poisoned, {.fails = true});
  manner(fine, {});
  for (int second = 0; second < 3600; second += 10) {
    at(1s * second, [this, poisoned] { call(poisoned, 5, true); });
    at(1s * second, [this, fine] { call(fine, 1, true); });
  }
  live(1h);
  const std::vector<Time>& starts = seen[poisoned].starts;
  EXPECT_LE(seen[poisoned].most, 5u) << "as many as there were inputs before the first has failed";
  // The first five fail together; from then on each waits for the one before.
  for (std::size_t n = 12; n < starts.size(); ++n)
    EXPECT_GE(starts[n] - starts[n - 1], 25s) << "start " << n;
  EXPECT_GE(starts.size(), 60u) << "yet it is tried";
  EXPECT_EQ(seen[fine].starts.size(), 1u);
  EXPECT_LE(now - seen[fine].last_result, 20s);
  // Once it is mended it serves, as many at a time as before.
  manner(poisoned, {});
  call(poisoned, 20, true);
  live(2min);
  EXPECT_GE(seen[poisoned].most, 10u);
  EXPECT_EQ(core.function(poisoned)->failed_starts, 0u);
}

}  // namespace
}  // namespace ionian::core
