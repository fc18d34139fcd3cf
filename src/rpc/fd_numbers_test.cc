#include "rpc/fd_numbers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>

#include "base/random.h"

namespace ionian::rpc {
namespace {

constexpr int kFirst = 700;

// One end of a fresh connection; the other is closed at once.
UniqueFd connection() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ::close(ends[1]);
  return UniqueFd(ends[0]);
}

std::string peer(int number) { return cat("fd:", number); }

TEST(FdNumbers, ANumberNamesTheTaskWhoseConnectionItIs) {
  FdNumbers numbers(kFirst, 4);
  const UniqueFd number(*numbers.assign(connection(), TaskId("ta-1")));
  EXPECT_EQ(numbers.task_of(peer(number.get())), TaskId("ta-1"));
  EXPECT_EQ(numbers.task_of("ipv4:127.0.0.1:700"), std::nullopt);
  EXPECT_EQ(numbers.task_of("fd:700x"), std::nullopt);
  EXPECT_EQ(numbers.task_of("fd:"), std::nullopt);
  EXPECT_EQ(numbers.task_of("fd:-1"), std::nullopt);
  EXPECT_EQ(numbers.task_of("fd:99999999999999999999"), std::nullopt);
}

TEST(FdNumbers, ANumberIsNotReusedWhileItIsOpen) {
  FdNumbers numbers(kFirst, 1);
  const UniqueFd held(*numbers.assign(connection(), TaskId("ta-1")));
  const auto refused = numbers.assign(connection(), TaskId("ta-2"));
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(numbers.task_of(peer(held.get())), TaskId("ta-1"));
}

TEST(FdNumbers, ANumberIsNotReusedWhileACallOfItRuns) {
  FdNumbers numbers(kFirst, 1);
  const int number = *numbers.assign(connection(), TaskId("ta-1"));
  numbers.call_began(peer(number));
  ::close(number);
  EXPECT_FALSE(numbers.assign(connection(), TaskId("ta-2")));
  EXPECT_FALSE(numbers.assign(connection(), TaskId("ta-1")));
  numbers.call_ended(peer(number));
  EXPECT_EQ(numbers.assign(connection(), TaskId("ta-2")), number);
  EXPECT_EQ(numbers.task_of(peer(number)), TaskId("ta-2"));
  ::close(number);
}

TEST(FdNumbers, AForgottenTaskHasNoNumberButItsConnectionKeepsIt) {
  FdNumbers numbers(kFirst, 1);
  const int number = *numbers.assign(connection(), TaskId("ta-1"));
  numbers.forget(TaskId("ta-1"));
  EXPECT_EQ(numbers.task_of(peer(number)), std::nullopt);
  EXPECT_FALSE(numbers.assign(connection(), TaskId("ta-2")));
  ::close(number);
  EXPECT_EQ(numbers.assign(connection(), TaskId("ta-2")), number);
  ::close(number);
}

TEST(FdNumbers, ATaskHasAtMostSixteenConnections) {
  FdNumbers numbers(kFirst, 64);
  std::vector<UniqueFd> held;
  held.reserve(FdNumbers::kPerTaskMax);
  for (int i = 0; i < FdNumbers::kPerTaskMax; ++i)
    held.emplace_back(*numbers.assign(connection(), TaskId("ta-1")));
  EXPECT_EQ(numbers.assign(connection(), TaskId("ta-1")).error().code, Code::kResourceExhausted);
  EXPECT_TRUE(UniqueFd(*numbers.assign(connection(), TaskId("ta-2"))));
  held.pop_back();
  EXPECT_TRUE(UniqueFd(*numbers.assign(connection(), TaskId("ta-1"))));
}

TEST(FdNumbers, ANumberThatSomebodyElseHasOpenedIsLeftAlone) {
  FdNumbers numbers(kFirst, 2);
  const UniqueFd theirs(::fcntl(connection().get(), F_DUPFD_CLOEXEC, kFirst));
  ASSERT_EQ(theirs.get(), kFirst);
  const UniqueFd ours(*numbers.assign(connection(), TaskId("ta-1")));
  EXPECT_EQ(ours.get(), kFirst + 1);
  EXPECT_EQ(numbers.task_of(peer(kFirst)), std::nullopt);
}

// Else a stranger would be taken for the task that had the number last.
TEST(FdNumbers, AStrangersConnectionHasNoNumberThatMayNameATask) {
  FdNumbers numbers(kFirst, 2);
  UniqueFd(*numbers.assign(connection(), TaskId("ta-1"))).reset();
  UniqueFd stranger(::fcntl(connection().get(), F_DUPFD_CLOEXEC, kFirst));
  ASSERT_EQ(stranger.get(), kFirst);
  EXPECT_EQ(numbers.admit(std::move(stranger)).error().code, Code::kResourceExhausted);
  EXPECT_EQ(::fcntl(kFirst, F_GETFD), -1) << "it is closed";
  const UniqueFd low(*numbers.admit(connection()));
  EXPECT_EQ(numbers.task_of(peer(low.get())), std::nullopt);
}

// Sixty thousand connections of many tasks that connect, call, hang up and end in any order. The
// test keeps its own books: at no time does a number name another task than the one whose
// connection it is.
class ManyConnections {
 public:
  void run() {
    for (int made = 0; made < 60'000;) {
      switch (random_.below(8)) {
        case 0:
          end_task();
          break;
        case 1:
          begin_call();
          break;
        case 2:
          end_call();
          break;
        case 3:
        case 4:
        case 5:
          hang_up();
          break;
        default:
          made += connect();
      }
      if (random_.below(64) == 0) compare();
    }
    compare();
    for (const auto& [number, line] : lines_)
      if (line.open) ::close(number);
  }

 private:
  static constexpr int kCount = 200;
  struct Line {
    TaskId task;
    int calls = 0;
    bool open = false, forgotten = false;
  };

  int connect() {
    const TaskId task(cat("ta-", life_, '-', random_.below(20)));
    const Result<int> number = numbers_.assign(connection(), task);
    int own = 0, used = 0;
    for (const auto& [n, line] : lines_) {
      const bool busy = line.open || line.calls > 0;
      used += busy;
      own += busy && !line.forgotten && line.task == task;
    }
    if (!number) {
      EXPECT_TRUE(own >= FdNumbers::kPerTaskMax || used == kCount) << number.error().message;
      return 0;
    }
    EXPECT_LT(own, FdNumbers::kPerTaskMax);
    Line& line = lines_[*number];
    EXPECT_FALSE(line.open || line.calls > 0) << "number " << *number << " changed hands";
    line = {.task = task, .calls = 0, .open = true, .forgotten = false};
    return 1;
  }
  Line* any(int& number) {
    if (lines_.empty()) return nullptr;
    auto it = lines_.lower_bound(kFirst + static_cast<int>(random_.below(kCount)));
    if (it == lines_.end()) it = lines_.begin();
    number = it->first;
    return &it->second;
  }
  void hang_up() {
    int number = 0;
    Line* line = any(number);
    if (!line || !line->open) return;
    ::close(number);
    line->open = false;
  }
  void begin_call() {
    int number = 0;
    Line* line = any(number);
    if (!line || !line->open) return;
    ++line->calls;
    numbers_.call_began(peer(number));
  }
  void end_call() {
    int number = 0;
    Line* line = any(number);
    if (!line || line->calls == 0) return;
    --line->calls;
    numbers_.call_ended(peer(number));
  }
  void end_task() {
    int number = 0;
    Line* line = any(number);
    if (!line) return;
    const TaskId task = line->task;
    numbers_.forget(task);
    for (auto& [n, of] : lines_) of.forgotten |= of.task == task;
    ++life_;  // ids are never used again
  }
  void compare() {
    for (const auto& [number, line] : lines_) {
      if (!line.open && line.calls == 0) continue;
      const auto expected = line.forgotten ? std::nullopt : std::optional(line.task);
      EXPECT_EQ(numbers_.task_of(peer(number)), expected) << "number " << number;
    }
  }

  SeededRandom random_{7};
  FdNumbers numbers_{kFirst, kCount};
  std::map<int, Line> lines_;
  int life_ = 0;
};

TEST(FdNumbers, SixtyThousandConnectionsAndNoNumberNamesAnotherTask) { ManyConnections().run(); }

}  // namespace
}  // namespace ionian::rpc
