#pragma once
// For tests: a spawner of its own, a root file system that holds one static program, and containers
// run to their end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "container/spawner.h"
#include "container/spec.pb.h"

namespace ionian::container {

#define ASSERT_OK(result) \
  ASSERT_TRUE((result).has_value()) << ((result) ? "" : (result).error().message)

// The thread sanitizer makes forks of vforks, and gives forked processes a thread, with which they
// may not enter namespaces.
#ifdef IONIAN_THREAD_SANITIZER
inline constexpr bool kForksAreOurs = false;
#else
inline constexpr bool kForksAreOurs = true;
#endif

struct Ended {
  ContainerEvent event;
  std::string out;
  std::string err;
};

class JailFixture : public testing::Test {
 protected:
  void SetUp() override {
    enter_private_network();
    char folder[] = "/tmp/ionian-container-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    ASSERT_OK(make_folders(folder_ + "/base/bin"));
    std::filesystem::copy_file(TEST_PROBE, folder_ + "/base/bin/probe");
    name_ = cat("test-", ::getpid());
    start();
  }
  void TearDown() override {
    spawner_.reset();
    EXPECT_OK_(remove_tree(folder_));
  }
  static void EXPECT_OK_(const Result<void>& r) {
    EXPECT_TRUE(r.has_value()) << (r ? "" : r.error().message);
  }

  void start(std::vector<std::string> allow_hosts = {}) {
    spawner_.reset();
    auto started = Spawner::start({.executable = TEST_SPAWNER,
                                   .run_dir = folder_ + "/run",
                                   .name = name_,
                                   .allow_hosts = std::move(allow_hosts)});
    ASSERT_OK(started);
    spawner_ = std::move(*started);
  }

  // Bridges and rules of tests stay away from the machine's own network.
  static void enter_private_network() {
    static const bool entered = ::unshare(CLONE_NEWNET) == 0;
    ASSERT_TRUE(entered) << "tests of containers need root";
  }

  // `probe ARGS...` in a container of its own.
  ContainerSpec spec(std::vector<std::string> args) {
    ContainerSpec made;
    made.set_id(cat("c", ++count_));
    made.add_lowers(folder_ + "/base");
    made.set_upper_dir(cat(folder_, "/run/uppers/", count_));
    made.set_upper_work_dir(cat(folder_, "/run/upper-works/", count_));
    made.add_args("/bin/probe");
    for (std::string& arg : args) *made.add_args() = std::move(arg);
    return made;
  }

  struct Pipes {
    UniqueFd in, out, err;
  };
  // Starts it; our ends of its pipes.
  Pipes launch(const ContainerSpec& wanted) {
    Pipes ours;
    Stdio theirs;
    std::tie(theirs.in, ours.in) = make_pipe();
    std::tie(ours.out, theirs.out) = make_pipe();
    std::tie(ours.err, theirs.err) = make_pipe();
    Result<void> sent = spawner_->launch(wanted, std::move(theirs));
    EXPECT_TRUE(sent.has_value()) << (sent ? "" : sent.error().message);
    return ours;
  }

  // The next event of that container, in order.
  ContainerEvent next(const std::string& id) {
    for (;;) {
      if (auto& queue = events_[id]; !queue.empty()) {
        ContainerEvent event = std::move(queue.front());
        queue.erase(queue.begin());
        return event;
      }
      pollfd wait{.fd = spawner_->fd(), .events = POLLIN};
      if (::poll(&wait, 1, 30'000) <= 0) {
        ADD_FAILURE() << "no event of " << id;
        return {};
      }
      auto events = spawner_->read_events();
      if (!events) {
        ADD_FAILURE() << events.error().message;
        return {};
      }
      for (ContainerEvent& event : *events) events_[event.id].push_back(std::move(event));
    }
  }

  Ended run(const ContainerSpec& wanted, std::string_view input = "") {
    Pipes pipes = launch(wanted);
    (void)write_all(pipes.in.get(), input);
    pipes.in.reset();
    Ended ended{.out = read_all(pipes.out), .err = read_all(pipes.err)};
    ended.event = next(wanted.id());
    if (ended.event.kind == ContainerEvent::kStarted) ended.event = next(wanted.id());
    EXPECT_NE(ended.event.kind, ContainerEvent::kFailed) << ended.event.error;
    return ended;
  }
  // What `probe lines` prints at one of its lines.
  static std::string ask(const Pipes& pipes, const std::string& command) {
    EXPECT_TRUE(write_all(pipes.in.get(), command + "\n").has_value());
    std::string all;
    for (std::string line; (line = read_line(pipes.out)) != "." && !line.empty();)
      cat_to(all, line, "\n");
    return all;
  }
  std::string output(std::vector<std::string> args) { return run(spec(std::move(args))).out; }

  static std::pair<UniqueFd, UniqueFd> make_pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
  static std::string read_all(const UniqueFd& fd) {
    std::string text;
    char buffer[65536];
    for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }
  static std::string read_line(const UniqueFd& fd) {
    std::string text;
    for (char c; ::read(fd.get(), &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

  std::string folder_;
  std::string name_;
  std::unique_ptr<Spawner> spawner_;
  std::map<std::string, std::vector<ContainerEvent>> events_;
  int count_ = 0;
};

}  // namespace ionian::container
