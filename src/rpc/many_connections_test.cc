// Tasks are told apart by the numbers of their connections, over gRPC.
#include <charconv>

#include "base/random.h"
#include "rpc/server_fixture.h"

namespace ionian::rpc {
namespace {

// Connections that call, hang up (also in the middle of a call) and outlive their tasks, by few
// numbers that are used again and again. IONIAN_TASK_CONNECTIONS says how many; `make test-all` has
// sixty thousand.
class ManyConnectionsTest : public ServerTest {
 protected:
  static int wanted() {
    const char* set = std::getenv("IONIAN_TASK_CONNECTIONS");
    int wanted = 2'000;
    if (set) std::from_chars(set, set + std::string_view(set).size(), wanted);
    return wanted;
  }
  // False: gRPC has not closed enough of the former ones yet.
  bool connect() {
    const TaskId task(cat("ta-", life_, '-', random_.below(6)));
    auto made = try_connect(*server, task);
    if (!made) return false;
    lines_.push_back(
        {.is = cat(task, " by fd:", made->number),
         .task = task,
         .channel = grpc::CreateInsecureChannelFromFd("task", made->inside.release())});
    ask(lines_.back());
    return true;
  }
  void ask_any() {
    if (!lines_.empty()) ask(lines_[random_.below(lines_.size())]);
  }
  void end_task() {
    const TaskId task(cat("ta-", life_++, '-', random_.below(6)));
    numbers.forget(task);
    for (Line& line : lines_) line.forgotten |= line.task == task;
  }
  void hang_up() {
    if (lines_.empty()) return;
    const auto line = lines_.begin() + static_cast<std::ptrdiff_t>(random_.below(lines_.size()));
    if (random_.below(2) == 0) leave_a_call(line->channel);
    lines_.erase(line);
  }

  SeededRandom random_{1};

 private:
  struct Line {
    std::string is;
    TaskId task;
    std::shared_ptr<grpc::Channel> channel;
    bool forgotten = false;
  };
  void ask(const Line& line) {
    const Answered answered = call(line.channel, kWho, bytes(""));
    if (line.forgotten)
      EXPECT_EQ(answered.status.code, Code::kUnauthenticated) << answered.value;
    else
      EXPECT_EQ(answered.value, line.is) << answered.status.message;
  }
  // The server hears some time later that nobody waits for it any more.
  void leave_a_call(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    void* tag = nullptr;
    bool ok = false;
    const auto left = stub.PrepareCall(&context, kJoin, &queue);
    left->StartCall(nullptr), queue.Next(&tag, &ok);
    left->Write(text("a"), nullptr), queue.Next(&tag, &ok);
    context.TryCancel();
    grpc::Status status;
    left->Finish(&status, nullptr), queue.Next(&tag, &ok);
  }

  std::vector<Line> lines_;
  int life_ = 0;
};

TEST_F(ManyConnectionsTest, NoTaskIsTakenForAnother) {
  const int most = wanted();
  int made = 0;
  for (std::int64_t turns = 0; made < most && turns < 1'000ll * most; ++turns) {
    const auto what = random_.below(16);
    if (what == 0) end_task();
    if (what < 4) ask_any();
    what < 10 ? hang_up() : void(made += connect());
  }
  EXPECT_EQ(made, most);
}

}  // namespace
}  // namespace ionian::rpc
