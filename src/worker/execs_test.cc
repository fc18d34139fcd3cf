// What clients see of programs in containers, with programs that are this test itself.
#include "worker/execs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <condition_variable>
#include <csignal>

#include "base/file.h"

namespace ionian::worker {
namespace {

constexpr std::size_t kAll = 1 << 30;

// Has each program's ends of the pipes, and says when it starts and ends.
class Stage final : public ExecRunner {
 public:
  struct Program {
    container::ExecSpec spec;
    container::Stdio stdio;
    ExecHooks hooks;
  };
  void exec(const TaskId&, container::ExecSpec spec, container::Stdio stdio,
            ExecHooks hooks) override {
    programs.push_back({std::move(spec), std::move(stdio), std::move(hooks)});
  }
  void signal_exec(const std::string& id, int signo) override {
    std::lock_guard lock(mutex_);
    signals_.push_back(cat(id, " ", signo));
    changed_.notify_all();
  }
  std::string next_signal() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !signals_.empty(); });
    return signals_.back();
  }
  std::vector<Program> programs;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> signals_;  // guarded by mutex_
};

// Stands still until it is told.
class Hands final : public Clock {
 public:
  Time now() const override { return Time{1'800'000'000s} + Duration(passed_.load()); }
  void pass(Duration by) { passed_ += by.count(); }

 private:
  std::atomic<Duration::rep> passed_ = 0;
};

class ExecsTest : public testing::Test {
 protected:
  ExecsTest() {
    execs_.connect(stage_, [this](const std::string&) {
      std::lock_guard lock(mutex_);
      ++changes_;
      changed_.notify_all();
    });
  }

  ExecRequest request(const std::string& id = "one") {
    ExecRequest made;
    made.key = {.task = TaskId("ta-1"), .id = id};
    made.spec.add_args("program");
    return made;
  }
  Execs::ExecPtr begin(ExecRequest wanted) {
    auto exec = execs_.start(std::move(wanted));
    EXPECT_TRUE(exec.has_value()) << exec.error().message;
    program().hooks.started({});
    return *exec;
  }
  Stage::Program& program() { return stage_.programs.back(); }
  void print(std::string_view text, bool err = false) {
    EXPECT_TRUE(write_all((err ? program().stdio.err : program().stdio.out).get(), text));
  }

  // Reads until there is so much, or it is over.
  std::string read(const Execs::ExecPtr& exec, int stream, std::uint64_t from, std::size_t bytes) {
    std::string all;
    for (;;) {
      std::unique_lock lock(mutex_);
      const int seen = changes_;
      lock.unlock();
      auto got = execs_.read(*exec, stream, from + all.size(), kAll);
      EXPECT_TRUE(got.has_value()) << got.error().message;
      if (!got) return all;
      all += got->bytes;
      if (all.size() >= bytes || got->over) return all;
      if (!got->bytes.empty()) continue;
      lock.lock();
      changed_.wait(lock, [&] { return changes_ != seen; });
    }
  }

  Hands clock_;
  Stage stage_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int changes_ = 0;  // guarded by mutex_
  Execs execs_{clock_};
};

TEST_F(ExecsTest, AStartThatIsRepeatedIsTheSameProgram) {
  const auto first = begin(request());
  EXPECT_EQ(*execs_.start(request()), first);
  EXPECT_EQ(stage_.programs.size(), 1u);
  EXPECT_EQ(execs_.find(request().key), first);
  EXPECT_EQ(execs_.find({.task = TaskId("ta-2"), .id = "one"}), nullptr);
}

TEST_F(ExecsTest, OneThatCameTooEarlyIsTriedAgain) {
  ASSERT_TRUE(execs_.start(request()));
  program().hooks.failed({Code::kUnavailable, "still starting"});
  const auto again = begin(request());
  EXPECT_EQ(stage_.programs.size(), 2u);
  EXPECT_TRUE(*execs_.started(*again));
  ASSERT_TRUE(execs_.start(request("two")));
  program().hooks.failed({Code::kInvalidArgument, "no such program"});
  EXPECT_EQ((*execs_.started(**execs_.start(request("two")))).error().message, "no such program");
  EXPECT_EQ(stage_.programs.size(), 3u);
}

TEST_F(ExecsTest, BothStreamsComeApartAndEndWithTheirPipes) {
  const auto exec = begin(request());
  print("out");
  print("err", true);
  EXPECT_EQ(read(exec, 1, 0, 3), "out");
  EXPECT_EQ(read(exec, 2, 0, 3), "err");
  EXPECT_EQ(read(exec, 1, 1, 2), "ut");
  program().stdio.out.reset();
  EXPECT_EQ(read(exec, 1, 3, 1), "");
  EXPECT_FALSE(execs_.read(*exec, 2, 3, kAll)->over);
  EXPECT_FALSE(execs_.end(*exec));
  program().hooks.ended(7, 0);
  EXPECT_EQ(execs_.end(*exec)->exit_code, 7);
  EXPECT_EQ(read(exec, 1, 0, 3), "out");  // also after its end
}

TEST_F(ExecsTest, TheEndWaitsForThoseWhoAreAboutToRead) {
  const auto silent = begin(request("silent"));
  program().hooks.ended(0, 0);
  execs_.expect_readers(*silent);
  EXPECT_TRUE(execs_.end(*silent));  // there is nothing to read
  const auto exec = begin(request());
  print("out");
  program().hooks.ended(0, 0);
  EXPECT_TRUE(execs_.end(*exec));  // nobody has said that he comes
  execs_.expect_readers(*exec);
  EXPECT_FALSE(execs_.end(*exec));
  EXPECT_EQ(read(exec, 1, 0, 3), "out");
  EXPECT_TRUE(execs_.end(*exec));
  const auto unread = begin(request("unread"));
  print("out");
  program().hooks.ended(0, 0);
  execs_.expect_readers(*unread);
  EXPECT_FALSE(execs_.end(*unread));
  clock_.pass(Execs::kReadersCome);
  EXPECT_TRUE(execs_.end(*unread));
}

TEST_F(ExecsTest, WhatNobodyReadsHoldsTheProgramUp) {
  const auto exec = begin(request());
  ::fcntl(program().stdio.out.get(), F_SETFL, O_NONBLOCK);
  const std::string block(64 << 10, 'x');
  std::size_t written = 0;
  for (;;) {
    const ssize_t n = ::write(program().stdio.out.get(), block.data(), block.size());
    if (n > 0) written += static_cast<std::size_t>(n);
    // Full for good: the reader's side has all it may hold.
    if (n < 0 && written > Execs::kWindowBytes) break;
    if (n < 0) std::this_thread::yield();
  }
  EXPECT_LE(written, Execs::kWindowBytes + (1 << 20));
  // A reader that follows gets all of it.
  std::size_t got = 0;
  while (got < written) got += read(exec, 1, got, 1).size();
  EXPECT_EQ(got, written);
}

TEST_F(ExecsTest, InputIsTakenOnceInOrderAndBounded) {
  const auto exec = begin(request());
  EXPECT_EQ(execs_.write(*exec, 0, "hello", false), true);
  EXPECT_EQ(execs_.write(*exec, 0, "hello", false), true);
  EXPECT_EQ(execs_.write(*exec, 3, "lo you", false), true);
  EXPECT_EQ(execs_.write(*exec, 99, "gap", false).error().code, Code::kFailedPrecondition);
  char buffer[100];
  EXPECT_EQ(::read(program().stdio.in.get(), buffer, sizeof buffer), 9);
  EXPECT_EQ(std::string_view(buffer, 9), "hello you");
  // More than it reads waits at the client.
  const std::string much(Execs::kStdinBytes * 2, 'y');
  EXPECT_EQ(execs_.write(*exec, 9, much, true), false);
  EXPECT_FALSE(execs_.input(*exec).closed);
  std::size_t got = 0;
  for (bool all = false; !all;) {
    const ssize_t n = ::read(program().stdio.in.get(), buffer, sizeof buffer);
    ASSERT_GT(n, 0);
    got += static_cast<std::size_t>(n);
    all = execs_.write(*exec, 9, much, true).value();
  }
  EXPECT_TRUE(execs_.input(*exec).closed);
  for (ssize_t n; (n = ::read(program().stdio.in.get(), buffer, sizeof buffer)) > 0;)
    got += static_cast<std::size_t>(n);
  EXPECT_EQ(got, much.size());
  EXPECT_EQ(execs_.write(*exec, 0, "", true), true);  // closed twice
  program().hooks.ended(0, 0);
  EXPECT_EQ(execs_.write(*exec, 0, "", true).error().code, Code::kFailedPrecondition);
}

TEST_F(ExecsTest, AStreamOfInputBeginsWhereItIsAndWaitsForRoom) {
  const auto exec = begin(request());
  EXPECT_EQ(execs_.write(*exec, 0, "head", false), true);
  EXPECT_EQ(execs_.begin_input(*exec, 0).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(execs_.begin_input(*exec, 5).error().code, Code::kFailedPrecondition);
  auto stream = execs_.begin_input(*exec, 4).value();
  EXPECT_EQ(execs_.write_on(*exec, stream, "er", false), true);
  const std::string much(Execs::kStdinBytes * 2, 'y');
  EXPECT_EQ(execs_.write_on(*exec, stream, much, true), false);
  std::string got(6 + much.size(), 0);
  for (std::size_t at = 0; at < got.size();) {
    const ssize_t n = ::read(program().stdio.in.get(), got.data() + at, got.size() - at);
    ASSERT_GT(n, 0);
    at += static_cast<std::size_t>(n);
    if (execs_.input(*exec).closed) continue;
    EXPECT_TRUE(execs_.write_on(*exec, stream, much, true).has_value());
  }
  EXPECT_EQ(got, cat("header", much));
  EXPECT_TRUE(execs_.input(*exec).closed);
}

TEST_F(ExecsTest, WhoAsksWhereTheInputIsTakesItOver) {
  const auto exec = begin(request());
  auto one = execs_.begin_input(*exec, 0).value();
  EXPECT_EQ(execs_.write_on(*exec, one, "abc", false), true);
  EXPECT_EQ(execs_.take_over_input(*exec).bytes, 3u);
  EXPECT_EQ(execs_.write_on(*exec, one, "d", false).error().code, Code::kFailedPrecondition);
  auto two = execs_.begin_input(*exec, 3).value();
  EXPECT_EQ(execs_.write_on(*exec, two, "d", false), true);
  EXPECT_EQ(execs_.write(*exec, 4, "e", false), true);
  EXPECT_EQ(execs_.write_on(*exec, two, "f", false).error().code, Code::kFailedPrecondition);
  program().hooks.ended(0, 0);
  EXPECT_EQ(execs_.begin_input(*exec, 5).error().code, Code::kFailedPrecondition);
}

TEST_F(ExecsTest, OneWhoseTimeIsOverIsKilled) {
  ExecRequest wanted = request();
  wanted.timeout = 2s;
  begin(wanted);
  clock_.pass(3s);
  begin(request("another"));
  EXPECT_EQ(stage_.next_signal(), cat("exec-1 ", SIGKILL));
}

TEST_F(ExecsTest, ATerminalThatNobodyLooksAtIsHungUp) {
  ExecRequest wanted = request();
  wanted.spec.mutable_terminal();
  const auto exec = execs_.start(wanted).value();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd theirs(ends[1]);
  program().hooks.started(UniqueFd(ends[0]));
  auto look = std::make_unique<Execs::Look>(execs_, exec);
  clock_.pass(Execs::kPatience * 2);
  ASSERT_TRUE(write_all(theirs.get(), "$ "));
  EXPECT_EQ(read(exec, 1, 0, 2), "$ ");  // somebody looks
  EXPECT_EQ(execs_.write(*exec, 0, "exit", true), true);
  char typed[5];
  EXPECT_EQ(::read(theirs.get(), typed, 5), 5);
  EXPECT_EQ(std::string_view(typed, 5), "exit\x04");
  look.reset();
  clock_.pass(Execs::kPatience);
  begin(request("another"));
  EXPECT_EQ(::read(theirs.get(), typed, 5), 0);
  EXPECT_TRUE(execs_.read(*exec, 1, 2, kAll)->over);
}

TEST_F(ExecsTest, WhatGoesNowhereIsOverAtOnce) {
  ExecRequest wanted = request();
  wanted.out = Sink::kNull, wanted.err = Sink::kStdout;
  const auto exec = begin(wanted);
  EXPECT_TRUE(execs_.read(*exec, 1, 0, kAll)->over);
  EXPECT_TRUE(execs_.read(*exec, 2, 0, kAll)->over);
  EXPECT_FALSE(program().stdio.out);
}

TEST_F(ExecsTest, AContainerRunsSoManyAndThoseThatEndedAreForgottenInOrder) {
  for (std::size_t i = 0; i < Execs::kRunningPerTask; ++i) begin(request(cat(i)));
  EXPECT_EQ(execs_.start(request("more")).error().code, Code::kResourceExhausted);
  for (auto& each : stage_.programs) each.hooks.ended(0, 0), each.stdio = {};
  for (std::size_t i = 0; i < Execs::kEndedMax; ++i) {
    begin(request(cat("later", i)));
    program().hooks.ended(0, 0);
    stage_.programs.pop_back();
  }
  EXPECT_EQ(execs_.counts().ended, Execs::kEndedMax);
  EXPECT_EQ(execs_.counts().running, 0u);
  EXPECT_EQ(execs_.find(request("0").key), nullptr);
}

}  // namespace
}  // namespace ionian::worker
