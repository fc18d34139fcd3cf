// What a function may have waiting, and what becomes of calls that nobody asks for.
#include "core/test_core.h"

namespace ionian::core {
namespace {

struct FewTest : CoreTest {
  FewTest() : CoreTest(few()) {}
  static Limits few() {
    Limits few;
    few.pending_max = 3, few.awaited_max = 5, few.spawned_max = 4;
    return few;
  }
  std::optional<Code> refusal(const CallId& id, std::size_t inputs) {
    const auto done = core.put_inputs(now, id, std::vector<NewInput>(inputs));
    return done ? std::nullopt : std::optional(done.error().code);
  }
};

TEST_F(FewTest, InputsThatWaitAreBoundedByFunctionAndRunningOnesCountApart) {
  const auto one = [](FunctionConfig& c) { c.max_containers = 1, c.max_concurrent_inputs = 2; };
  const FunctionId f = function("f", one);
  const CallId id = call(f, 3);
  EXPECT_EQ(refusal(id, 1), Code::kResourceExhausted);
  EXPECT_EQ(refusal(call(function("g"), 1), 2), std::nullopt);  // another function's room

  const TaskId task = started().at(0);
  const InputId first = take(task).at(0);
  EXPECT_EQ(take(task).size(), 1u);
  EXPECT_EQ(refusal(id, 3), Code::kResourceExhausted);  // six in all
  EXPECT_EQ(refusal(id, 2), std::nullopt);              // five, of which three wait
  put(task, first, Outcome::kSuccess);
  EXPECT_EQ(refusal(id, 1), Code::kResourceExhausted);  // three wait still
  put(task, take(task).at(0), Outcome::kSuccess);
  EXPECT_EQ(refusal(id, 1), std::nullopt);
}

TEST_F(FewTest, SpawnedInputsHaveABoundOfTheirOwn) {
  const FunctionId f = function("f");
  const CallId spawned = call(f, 4, /*asynchronous=*/true);
  EXPECT_EQ(refusal(spawned, 1), Code::kResourceExhausted);
  EXPECT_EQ(refusal(call(f, 2), 1), std::nullopt);
  core.cancel_call(now, spawned, false);
  EXPECT_EQ(refusal(call(f, 1, true), 3), std::nullopt);
}

TEST_F(FewTest, WithdrawnAndRestoredInputsCount) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_containers = 1; });
  const CallId id = call(f, 4, true);
  core.withdraw_inputs(id, {core.call(id)->inputs[3]});
  EXPECT_EQ(refusal(id, 1), std::nullopt);
  EXPECT_EQ(refusal(id, 1), Code::kResourceExhausted);
  Input input{.id = InputId("in-old"), .call = CallId("fc-old"), .function = f};
  core.withdraw_inputs(id, {core.call(id)->inputs[2]});
  core.restore_call(
      now, {.id = CallId("fc-old"), .function = f, .app = app, .workspace = workspace}, {input});
  EXPECT_EQ(refusal(id, 1), Code::kResourceExhausted);
}

TEST_F(CoreTest, ResultsOfAMapGoWhenTheirReaderHasThem) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_concurrent_inputs = 2; });
  const CallId id =
      *core.start_call(now, {.function = f, .workspace = workspace, .type = CallType::kMap});
  ASSERT_TRUE(core.put_inputs(now, id, std::vector<NewInput>(2)));
  const TaskId task = started().at(0);
  for (int i = 0; i < 2; ++i) put(task, take(task).at(0), Outcome::kSuccess, "12345678");
  EXPECT_EQ(core.live_bytes(), 16u);
  core.attend(now, id, 0);
  EXPECT_EQ(core.live_bytes(), 16u);  // asked for, and perhaps lost on the way
  core.attend(now, id, 1);
  EXPECT_EQ(core.live_bytes(), 8u);
  core.attend(now, id, 1);
  core.attend(now, id, 7);  // beyond the end
  EXPECT_EQ(core.live_bytes(), 0u);
  EXPECT_EQ(core.call(id)->read, 2u);
}

TEST_F(CoreTest, OfALongMapOnlyTheLastInputsThatWereReadAreHeld) {
  const CallId id = *core.start_call(
      now, {.function = function("f"), .workspace = workspace, .type = CallType::kMap});
  TaskId task;
  std::size_t done = 0;
  for (; done < 6 * limits.read_inputs_kept; ++done) {
    ASSERT_TRUE(core.put_inputs(now, id, {NewInput{.index = static_cast<int>(done)}}));
    if (done == 0) task = started().at(0);
    put(task, take(task).at(0), done % 2 ? Outcome::kSuccess : Outcome::kFailure);
    core.attend(now, id, done);
    ASSERT_LE(core.live_inputs(), 2 * limits.read_inputs_kept + 2);
  }
  const Call& of = *core.call(id);
  EXPECT_EQ(of.arrived(), done);
  EXPECT_EQ(of.done, done);
  EXPECT_EQ(of.read, done - 1);
  EXPECT_EQ(core.input(of.output(done - 1))->index, static_cast<int>(done - 1));
  EXPECT_EQ(of.forgotten_outcomes.at(Outcome::kSuccess), of.forgotten / 2);
  core.release_call(now, id);
  pass(limits.keep_read_call);
  EXPECT_EQ(core.call(id), nullptr);
  EXPECT_EQ(core.live_inputs(), 0u);
}

TEST_F(CoreTest, ACallThatNobodyAsksForIsCancelledAndForgotten) {
  const FunctionId f =
      function("f", [](FunctionConfig& c) { c.max_containers = 1, c.timeout = 1h; });
  const CallId left = call(f, 2), asked = call(f, 1), spawned = call(f, 1, true);
  const TaskId task = started().at(0);
  const InputId running = take(task).at(0);
  for (Duration passed{}; passed <= limits.unattended_call + limits.look_for_unattended;
       passed += 1min) {
    core.attend(now, asked, 0);
    pass(1min);
  }
  EXPECT_EQ(core.take_cancelled(now, task), std::vector{running});
  EXPECT_EQ(core.input(core.call(left)->inputs[1])->result.outcome, Outcome::kTerminated);
  EXPECT_EQ(core.call(asked)->done, 0u);
  EXPECT_EQ(core.call(spawned)->done, 0u);

  put(task, running, Outcome::kTerminated);
  pass(limits.look_for_unattended + limits.keep_read_call);
  EXPECT_EQ(core.call(left), nullptr);
  EXPECT_NE(core.call(asked), nullptr);
}

}  // namespace
}  // namespace ionian::core
