// What is kept of ended inputs and containers, and for how long.
#include "store/history.h"

#include "store/store_fixture.h"

namespace ionian::store {
namespace {

class HistoryTest : public StoreFixture {
 protected:
  // Input `number` comes at second `number` and takes as long as `takes` says.
  void finish(std::int64_t number, Duration takes = 1s) {
    write([&](Tx& tx) {
      const Time came = start_ + std::chrono::seconds{number};
      insert_finished_input(tx, {.number = number,
                                 .function = kFunction,
                                 .call = CallId("fc-1"),
                                 .task = TaskId("ta-1"),
                                 .method = "",
                                 .outcome = 1,
                                 .enqueued = came,
                                 .started = came,
                                 .startup = {},
                                 .done = came + takes});
    });
  }
  std::string numbers(auto list, HistoryRange range, auto... more) {
    std::string text;
    store_->read([&](View& view) {
      list(view, range, more..., [&](const FinishedInput& i) { text += cat(i.number, ' '); });
    });
    return text;
  }
  HistoryRange range(std::int64_t since, std::int64_t until, std::int64_t end = 1'000) {
    return {.function = kFunction,
            .since = start_ + std::chrono::seconds{since},
            .until = start_ + std::chrono::seconds{until},
            .end = {.inputs = end, .containers = end}};
  }

  static inline const FunctionId kFunction{"fu-1"};
  const Time start_{1'800'000'000s};
};

TEST_F(HistoryTest, ListsByArrivalAndByEnd) {
  for (int n = 1; n <= 4; ++n) finish(n, n == 2 ? 60s : 1s);
  EXPECT_EQ(numbers(list_inputs_by_arrival, range(2, 4), std::size_t{9}), "2 3 ");
  EXPECT_EQ(numbers(list_inputs_by_arrival, range(0, 9), std::size_t{2}), "1 2 ");
  EXPECT_EQ(numbers(list_newest_inputs, range(0, 9), std::size_t{2}), "4 3 ");
  EXPECT_EQ(numbers(list_newest_inputs, range(0, 9, /*end=*/3), std::size_t{2}), "3 2 ");
  EXPECT_EQ(numbers(list_inputs_by_end, range(10, 20)), "2 ");
  EXPECT_EQ(numbers(list_inputs_by_end, range(10, 20, /*end=*/1)), "");
  HistoryRange other = range(0, 9);
  other.function = FunctionId("fu-2");
  EXPECT_EQ(numbers(list_inputs_by_arrival, other, std::size_t{9}), "");
}

TEST_F(HistoryTest, CountsByBuckets) {
  for (int n = 1; n <= 7; ++n) finish(n);
  std::map<std::int64_t, std::int64_t> counts;
  const std::int64_t first = 1'800'000'000 / 5;
  store_->read([&](View& view) {
    count_inputs_by_arrival(view, range(2, 7), 5,
                            [&](std::int64_t at, std::int64_t n) { counts[at - first] = n; });
  });
  EXPECT_EQ(counts, (std::map<std::int64_t, std::int64_t>{{0, 3}, {1, 2}}));
}

TEST_F(HistoryTest, KeepsNoMoreThanItMayAndNothingThatIsTooOld) {
  const HistoryLimits limits{.age = 100s, .containers_age = 100s, .inputs = 5, .containers = 2};
  const auto at = [&](std::int64_t second) { return start_ + std::chrono::seconds{second}; };
  const auto since = [&](Time now) {
    return store_->read([&](View& view) { return history_start(view, limits, now); });
  };
  for (int n = 1; n <= 4; ++n) finish(n);
  EXPECT_EQ(since(at(50)), at(-50));
  for (int n = 5; n <= 8; ++n) finish(n);
  // So many at a time, the oldest first.
  write([&](Tx& tx) { trim_history(tx, limits, at(50), 2); });
  EXPECT_EQ(numbers(list_inputs_by_arrival, range(0, 9), std::size_t{9}), "3 4 5 6 7 8 ");
  write([&](Tx& tx) { trim_history(tx, limits, at(50), 100); });
  EXPECT_EQ(numbers(list_inputs_by_arrival, range(0, 9), std::size_t{9}), "4 5 6 7 8 ");
  // Whole is what lies after the end of the oldest that is left.
  EXPECT_EQ(since(at(50)), at(5));
  write([&](Tx& tx) { trim_history(tx, limits, at(107), 100); });
  EXPECT_EQ(numbers(list_inputs_by_arrival, range(0, 9), std::size_t{9}), "6 7 8 ");
  EXPECT_EQ(since(at(107)), at(7));
}

TEST_F(HistoryTest, ContainersHaveABoundOfTheirOwn) {
  for (int n = 1; n <= 4; ++n)
    write([&](Tx& tx) {
      const Time made = start_ + std::chrono::seconds{n};
      insert_ended_container(tx, {.number = n,
                                  .function = kFunction,
                                  .task = TaskId(cat("ta-", n)),
                                  .created = made,
                                  .ready = n == 4 ? std::nullopt : std::optional(made + 1ms),
                                  .ended = made + 1s,
                                  .failed = n == 4});
    });
  write([&](Tx& tx) { trim_history(tx, {.containers = 2}, start_ + 9s, 100); });
  std::string text;
  store_->read([&](View& view) {
    list_containers_by_end(view, range(0, 9), [&](const EndedContainer& c) {
      text += cat(c.task, c.ready ? " ready " : " never ", c.failed ? "failed; " : "fine; ");
    });
  });
  EXPECT_EQ(text, "ta-3 ready fine; ta-4 never failed; ");
  EXPECT_EQ(store_->read([](View& view) { return history_end(view).containers; }), 4);
  // What lived when the server ended has ended by its next start; what has ended does not live.
  write([&](Tx& tx) {
    put_live_container(tx, {TaskId("ta-5"), kFunction, start_ + 5s, {}});
    put_live_container(tx, {TaskId("ta-5"), kFunction, start_ + 5s, start_ + 6s});
    put_live_container(tx, {TaskId("ta-6"), kFunction, start_ + 5s, {}});
    insert_ended_container(tx, {.number = 5,
                                .function = kFunction,
                                .task = TaskId("ta-6"),
                                .created = start_ + 5s,
                                .ready = {},
                                .ended = start_ + 7s});
    end_live_containers(tx, start_ + 8s);
    end_live_containers(tx, start_ + 9s);
  });
  EXPECT_EQ(store_->read([](View& view) { return history_end(view).containers; }), 6);
  // They are kept by their ids as long as logs, which is longer than inputs.
  const auto found = [&](const char* task) {
    return store_->read([&](View& view) { return find_ended_container(view, TaskId(task)); });
  };
  write([&](Tx& tx) { trim_history(tx, {}, start_ + 34 * 24h, 100); });
  EXPECT_EQ(found("ta-3")->ended, start_ + 4s);
  EXPECT_EQ(found("ta-5")->ready, start_ + 6s);
  EXPECT_EQ(found("ta-5")->ended, start_ + 8s);
  EXPECT_EQ(found("ta-6")->ended, start_ + 7s);
  EXPECT_FALSE(found("ta-2"));
  write([&](Tx& tx) { trim_history(tx, {}, start_ + 36 * 24h, 100); });
  EXPECT_FALSE(found("ta-3"));
}

}  // namespace
}  // namespace ionian::store
