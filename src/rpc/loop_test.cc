#include "rpc/loop.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "rpc/test_call.h"

namespace ionian::rpc {
namespace {

MessagePtr empty() { return std::make_unique<google::protobuf::Empty>(); }

// What the handlers of these tests share; of whoever is in the loop.
struct State {
  int ready = 0;     // answers that may be given
  int attempts = 0;  // of handlers
};

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    // Waits for "key" until 30 s have passed; then answers DEADLINE_EXCEEDED.
    poll.handle = [](Call& call, const Message&, void* room) -> Answer {
      State& state = *static_cast<State*>(room);
      ++state.attempts;
      if (state.ready > 0) return --state.ready, empty();
      if (call.timed_out) return fail(Code::kDeadlineExceeded, "nothing came");
      call.watch("key");
      call.wait_until(call.now + 30s);
      return std::nullopt;
    };
    // Emits what is ready, one message a step, and ends when there were three.
    stream.stream = [](Call& call, const Message&, void* room, Emitter& out) -> StreamAnswer {
      State& state = *static_cast<State*>(room);
      ++state.attempts;
      int& sent = call.state<int>();
      if (sent == 3) return Status::ok_status();
      if (call.timed_out) return Status{Code::kDeadlineExceeded, "nothing came"};
      if (state.ready > 0) {
        --state.ready, ++sent;
        out.emit(empty());
        return std::nullopt;
      }
      call.watch("key");
      call.wait_until(call.now + 30s);
      return std::nullopt;
    };
    // Takes what is ready of each message, and answers after the third.
    client_stream.handle = [](Call& call, const Message&, void* room) -> Answer {
      State& state = *static_cast<State*>(room);
      ++state.attempts;
      int& taken = call.state<int>();
      if (state.ready == 0) {
        call.watch("key");
        return std::nullopt;
      }
      --state.ready;
      if (++taken == 3) return empty();
      call.passed = true;
      return std::nullopt;
    };
    loop.start();
  }

  // Runs `f` on the loop's thread, and returns when all that came before and follows from it is
  // done.
  void on_loop(std::function<void()> f) {
    for (const auto& work : {std::move(f), std::function<void()>([] {})}) {
      std::promise<void> done;
      ASSERT_TRUE(loop.post([&] { work(), done.set_value(); }));
      done.get_future().wait();
    }
  }
  std::shared_ptr<FakeCall> run(const Method& method) {
    auto call = std::make_shared<FakeCall>(method);
    loop.run(call);
    on_loop([] {});
    return call;
  }
  void let_pass(Duration time) {
    on_loop([this, time] { clock.advance(time); });
  }

  FakeClock clock;
  State state;
  Method poll{.path = "/test/Poll", .access = Access::kAnonymous};
  Method stream{.path = "/test/Stream", .access = Access::kAnonymous};
  Method client_stream{.path = "/test/In", .access = Access::kAnonymous, .client_stream = true};
  Loop loop{"test", clock, &state, [](Time) { return std::nullopt; }};
};

TEST_F(LoopTest, APollThatIsReadyIsAnsweredAtOnce) {
  state.ready = 1;
  EXPECT_TRUE(run(poll)->answer().ok());
  EXPECT_EQ(loop.waiting(), 0u);
}

TEST_F(LoopTest, APollWaitsForItsKeyAndForNoOther) {
  const auto call = run(poll);
  EXPECT_EQ(loop.waiting(), 1u);
  on_loop([this] { state.ready = 1, loop.notify("another key"); });
  EXPECT_EQ(state.attempts, 1);
  on_loop([this] { loop.notify("key"), loop.notify("key"); });
  EXPECT_TRUE(call->answer().ok());
  EXPECT_EQ(state.attempts, 2);
  EXPECT_EQ(loop.waiting(), 0u);
}

TEST_F(LoopTest, AClientsStreamIsReadOnlyAsItIsTaken) {
  const auto call = run(client_stream);
  EXPECT_EQ(state.attempts, 1);  // the first message, for which there is no room
  on_loop([this] { state.ready = 2, loop.notify("key"), loop.notify("key"); });
  call->wait_for_read();
  on_loop([this] { loop.notify("key"); });
  EXPECT_EQ(state.attempts, 2);  // nothing is there to be handled
  on_loop([this] { ++state.ready; });
  call->write();
  call->wait_for_read();
  call->write();
  EXPECT_TRUE(call->answer().ok());
  EXPECT_EQ(state.attempts, 4);
}

TEST_F(LoopTest, AClientsStreamThatIsBeingReadEndsWithTheLoop) {
  state.ready = 1;
  const auto call = run(client_stream);
  call->wait_for_read();
  EXPECT_EQ(loop.waiting(), 1u);
  loop.stop();
  EXPECT_EQ(call->answer().code, Code::kUnavailable);
}

TEST_F(LoopTest, OneNewsWakesAllThatWaitAndThoseWithoutShareWaitOn) {
  const auto one = run(poll), two = run(poll);
  on_loop([this] { state.ready = 1, loop.notify("key"); });
  EXPECT_EQ(state.attempts, 4);
  EXPECT_EQ(loop.waiting(), 1u);
  loop.stop();
  EXPECT_NE(one->answer().ok(), two->answer().ok());
}

TEST_F(LoopTest, APollEndsAtItsDeadlineWhichNewsDoNotMove) {
  const auto call = run(poll);
  let_pass(20s);
  on_loop([this] { loop.notify("key"); });
  EXPECT_EQ(loop.waiting(), 1u);
  let_pass(10s);
  EXPECT_EQ(call->answer().code, Code::kDeadlineExceeded);
  EXPECT_EQ(loop.waiting(), 0u);
}

TEST_F(LoopTest, ACallWhoseClientHasGoneIsDropped) {
  const auto call = run(poll);
  call->gone = true;
  loop.cancel(call);
  EXPECT_EQ(call->answer().code, Code::kCancelled);
  on_loop([this] { loop.notify("key"); });
  EXPECT_EQ(state.attempts, 1);
  EXPECT_EQ(loop.waiting(), 0u);
}

TEST_F(LoopTest, ACallThatWasCancelledBeforeItCameIsNotHandled) {
  auto call = std::make_shared<FakeCall>(poll);
  call->gone = true;
  loop.cancel(call);
  loop.run(call);
  EXPECT_EQ(call->answer().code, Code::kCancelled);
  EXPECT_EQ(state.attempts, 0);
}

TEST_F(LoopTest, AStreamIsNotAskedForMoreUntilItsReaderHasTakenTheLast) {
  state.ready = 3;
  const auto call = run(stream);
  EXPECT_EQ(call->batch(), 1u);
  on_loop([this] { loop.notify("key"); });
  EXPECT_EQ(state.attempts, 1);
  EXPECT_EQ(state.ready, 2);
  // A slow reader holds back nobody else.
  EXPECT_TRUE(run(poll)->answer().ok());
  on_loop([this] { state.ready = 2; });
  for (int i = 0; i < 2; ++i) {
    call->take();
    EXPECT_EQ(call->batch(), 1u);
  }
  call->take();
  EXPECT_TRUE(call->answer().ok());
}

TEST_F(LoopTest, AStreamThatWaitsEndsAtItsDeadline) {
  const auto call = run(stream);
  EXPECT_EQ(loop.waiting(), 1u);
  let_pass(30s);
  EXPECT_EQ(call->answer().code, Code::kDeadlineExceeded);
}

TEST_F(LoopTest, WhoeverWaitsWhenTheLoopStopsIsTold) {
  const auto waiting = run(poll), streaming = run(stream);
  state.ready = 1;
  const auto sending = run(stream);
  loop.stop();
  EXPECT_EQ(waiting->answer().code, Code::kUnavailable);
  EXPECT_EQ(streaming->answer().code, Code::kUnavailable);
  // Its reader takes the last batch when the loop is over.
  sending->take();
  EXPECT_EQ(sending->answer().code, Code::kUnavailable);
  EXPECT_FALSE(loop.post([] {}));
}

TEST_F(LoopTest, TenThousandCallsWait) {
  std::vector<std::shared_ptr<FakeCall>> calls;
  for (int i = 0; i < 10'000; ++i) {
    calls.push_back(std::make_shared<FakeCall>(poll));
    loop.run(calls.back());
  }
  on_loop([] {});
  EXPECT_EQ(loop.waiting(), 10'000u);
  on_loop([this] { state.ready = 10'000, loop.notify("key"); });
  for (const auto& call : calls) EXPECT_TRUE(call->answer().ok());
}

TEST_F(LoopTest, ACallThatFindsTheLoopIdleIsHandledOnTheThreadThatBroughtIt) {
  std::thread::id handled_on;
  Method method{.path = "/test/Where", .access = Access::kAnonymous};
  method.handle = [&](Call&, const Message&, void*) -> Answer {
    handled_on = std::this_thread::get_id();
    return empty();
  };
  // The loop's thread needs a moment to find that it has nothing left to do.
  for (int i = 0; i < 10'000 && handled_on != std::this_thread::get_id(); ++i)
    EXPECT_TRUE(run(method)->answer().ok());
  EXPECT_EQ(handled_on, std::this_thread::get_id());
}

TEST_F(LoopTest, NoTwoThreadsAreEverInTheLoop) {
  constexpr int kThreads = 4, kCalls = 2'000;
  std::atomic<bool> inside = false;
  const auto enter = [&] {
    EXPECT_FALSE(inside.exchange(true));
    ++state.attempts;  // no atomic: a sanitizer sees it, too
    inside = false;
  };
  Method method{.path = "/test/Enter", .access = Access::kAnonymous};
  method.handle = [&](Call&, const Message&, void*) -> Answer { return enter(), empty(); };
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < kCalls; ++n) {
        const auto call = std::make_shared<FakeCall>(method);
        loop.run(call);
        loop.post(enter);
        EXPECT_TRUE(call->answer().ok());
      }
    });
  for (std::thread& thread : threads) thread.join();
  on_loop([] {});
  EXPECT_EQ(state.attempts, 2 * kThreads * kCalls);
}

// The call is handled here, while the loop's thread sleeps without an end.
TEST(Loop, ATimeThatACallWaitsForWakesTheLoopsThread) {
  SystemClock clock;
  Loop loop("test", clock, nullptr, [](Time) { return std::nullopt; });
  loop.start();
  Method method{.path = "/test/Soon", .access = Access::kAnonymous};
  method.handle = [](Call& call, const Message&, void*) -> Answer {
    if (call.timed_out) return empty();
    call.wait_until(call.now + 5ms);
    return std::nullopt;
  };
  for (int i = 0; i < 20; ++i) {
    const auto call = std::make_shared<FakeCall>(method);
    loop.run(call);
    EXPECT_TRUE(call->answer().ok());
  }
}

// Its handlers may read files.
TEST(Loop, AStateThatDecidesNothingIsTheLoopsThreadsAlone) {
  SystemClock clock;
  std::set<std::thread::id> handled_on;
  Loop loop("test", clock, nullptr);
  loop.start();
  Method method{.path = "/test/Where", .access = Access::kAnonymous};
  method.handle = [&](Call&, const Message&, void*) -> Answer {
    handled_on.insert(std::this_thread::get_id());
    return empty();
  };
  for (int i = 0; i < 100; ++i) {
    const auto call = std::make_shared<FakeCall>(method);
    loop.run(call);
    EXPECT_TRUE(call->answer().ok());
  }
  loop.stop();
  EXPECT_EQ(handled_on.size(), 1u);
  EXPECT_FALSE(handled_on.contains(std::this_thread::get_id()));
}

TEST(Loop, WhatTheStateHasDecidedIsDoneBeforeAReplyLeaves) {
  SystemClock clock;
  int asked_for = 0, done = 0, kept_at = 0;
  Loop loop("test", clock, nullptr, [&](Time) -> std::optional<Time> {
    done = asked_for;
    return std::nullopt;
  });
  loop.start();
  Method method{.path = "/test/Act", .access = Access::kAnonymous};
  method.handle = [&](Call& call, const Message&, void*) -> Answer {
    ++asked_for;
    call.before_reply = [&](auto tell) { kept_at = done, tell({}); };
    return empty();
  };
  for (int n = 1; n <= 100; ++n) {
    const auto call = std::make_shared<FakeCall>(method);
    int found = 0;
    call->on_finish([&](const Result<MessagePtr>&) { found = done; });
    loop.run(call);
    EXPECT_TRUE(call->answer().ok());
    EXPECT_EQ(found, n);
    EXPECT_EQ(kept_at, n);
  }
}

TEST(Loop, TheStateDecidesFirstAfterEachBatchAndWhenItWants) {
  FakeClock clock;
  std::promise<void> late;
  std::vector<Time> at;
  const Time start = clock.now();
  Loop loop("test", clock, nullptr, [&](Time now) -> std::optional<Time> {
    if (now >= start + 1h && (at.empty() || at.back() < start + 1h)) late.set_value();
    at.push_back(now);
    return now < start + 1h ? std::optional(start + 1h) : std::nullopt;
  });
  loop.start();
  loop.post([&] { clock.advance(1h); });
  late.get_future().wait();
  loop.stop();
  EXPECT_EQ(at.front(), start);
  EXPECT_GE(at.back(), start + 1h);
}

}  // namespace
}  // namespace ionian::rpc
