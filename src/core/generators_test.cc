// What generators yield, on its way to their readers.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, ChunksOfAGeneratorAreGaplessAndRepeatsAreHarmless) {
  const CallId id = call(function("f"), 1);
  const TaskId task = started().at(0);
  take(task);
  EXPECT_TRUE(core.add_data_out(task, id, 1, {{"a"}, {"b"}}));
  EXPECT_TRUE(core.add_data_out(task, id, 2, {{"b"}, {"c"}}));
  EXPECT_EQ(core.call(id)->data_out.size(), 3u);
  EXPECT_EQ(core.add_data_out(task, id, 5, {{"e"}}).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(core.live_bytes(), 3u);
}

TEST_F(CoreTest, ChunksThatTheReaderHasAreDropped) {
  const CallId id = call(function("f"), 1), spawned = call(function("g"), 1, true);
  for (const TaskId& task : started()) take(task);
  const auto yield = [&](const CallId& to, std::uint64_t first, std::vector<DataChunk> chunks) {
    return core.add_data_out(core.input(core.call(to)->inputs[0])->task, to, first, chunks);
  };
  for (const CallId& each : {id, spawned}) {
    EXPECT_TRUE(yield(each, 1, {{"a"}, {"b"}, {"c"}}));
    core.await_data_out(now, each, 2);
    core.await_data_out(now, each, 1);
  }
  EXPECT_EQ(core.call(id)->data_out_read, 2u);
  EXPECT_EQ(core.call(id)->data_out.size(), 1u);
  EXPECT_EQ(core.call(spawned)->data_out.size(), 3u) << "somebody else may read it from the start";
  EXPECT_EQ(core.live_bytes(), 4u);
  EXPECT_TRUE(yield(id, 3, {{"c"}, {"d"}}));
  EXPECT_EQ(core.call(id)->data_out.size(), 2u);
  EXPECT_EQ(yield(id, 6, {{"f"}}).error().code, Code::kFailedPrecondition);
  core.await_data_out(now, id, 99);
  EXPECT_EQ(core.call(id)->data_out_read, 4u) << "nobody has read what was not there";
  // The next attempt begins anew, whatever was read of this one.
  core.task_exited(now, core.input(core.call(id)->inputs[0])->task, {.lost = true});
  EXPECT_EQ(core.call(id)->data_out_read, 0u);
  EXPECT_EQ(core.live_bytes(), 3u);
}

TEST_F(CoreTest, LateChunksOfAnAttemptThatIsOverAreNoPartOfTheNext) {
  const CallId id = call(function("f", [](FunctionConfig& c) { c.retry.retries = 1; }), 1);
  const TaskId first = started().at(0);
  const InputId input = take(first).at(0);
  EXPECT_TRUE(core.add_data_out(first, id, 1, {{"a"}}));
  core.task_exited(now, first, {.lost = true});
  EXPECT_TRUE(core.add_data_out(first, id, 1, {{"old a"}, {"old b"}}));
  EXPECT_TRUE(core.call(id)->data_out.empty());

  const TaskId second = started().at(0);
  take(second);
  EXPECT_TRUE(core.add_data_out(first, id, 1, {{"old a"}}));
  EXPECT_TRUE(core.add_data_out(second, id, 1, {{"new"}}));
  ASSERT_EQ(core.call(id)->data_out.size(), 1u);
  EXPECT_EQ(core.call(id)->data_out.at(0).serialized, "new");
  put(second, input, Outcome::kSuccess);
  EXPECT_TRUE(core.add_data_out(second, id, 2, {{"after its end"}}));
  EXPECT_EQ(core.call(id)->data_out.size(), 1u);
}

}  // namespace
}  // namespace ionian::core
