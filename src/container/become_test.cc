// A running container that becomes another one.
#include <set>

#include "container/jail_fixture.h"

namespace ionian::container {
namespace {

class BecomeTest : public JailFixture {
 protected:
  void SetUp() override {
    JailFixture::SetUp();
    if (!kForksAreOurs) GTEST_SKIP() << "no process may become another container here";
    ASSERT_OK(make_folders(folder_ + "/code/root"));
    ASSERT_OK(write_file(folder_ + "/code/root/hello.py", "the program\n"));
    first_ = spec({"lines"});
    first_.set_background(true);
    Bind& bind = *first_.add_binds();
    bind.set_source(folder_ + "/code/root/hello.py");
    bind.set_target("/bound");
    bind.set_read_only(true);
    then_ = first_;
    then_.set_background(false);
    then_.set_upper_dir(folder_ + "/run/then/upper");
    then_.set_upper_work_dir(folder_ + "/run/then/work");
    then_.add_lowers(folder_ + "/code");
    then_.set_workdir("/work");
    File& file = *then_.add_files();
    file.set_path("/given");
    file.set_content("arguments\n");
    file.set_mode(0400);
  }
  // A container whose program waits for lines.
  Pipes begin() {
    Pipes pipes = launch(first_);
    EXPECT_EQ(next(first_.id()).kind, ContainerEvent::kStarted);
    EXPECT_EQ(read_line(pipes.out), "ready");
    return pipes;
  }
  std::string become() {
    EXPECT_OK_(spawner_->become(then_));
    const ContainerEvent event = next(then_.id());
    EXPECT_EQ(event.kind, ContainerEvent::kBecame);
    return event.error;
  }

  ContainerSpec first_, then_;
};

TEST_F(BecomeTest, TheSameProcessFindsAnotherFileSystem) {
  const Pipes pipes = begin();
  EXPECT_EQ(ask(pipes, "cat /root/hello.py"), "/root/hello.py: No such file or directory\n");
  EXPECT_EQ(ask(pipes, "write /mine x"), "/mine: ok\n");
  ASSERT_EQ(become(), "");
  EXPECT_EQ(ask(pipes, "cat /root/hello.py"), "the program\n");
  EXPECT_EQ(ask(pipes, "cat /given"), "arguments\n");
  EXPECT_EQ(ask(pipes, "stat /given"), "100400 0:0\n");
  EXPECT_EQ(ask(pipes, "cat /bound"), "the program\n");
  EXPECT_EQ(ask(pipes, "cat /mine"), "/mine: No such file or directory\n");
  EXPECT_EQ(ask(pipes, "pwd"), "/\n");
  EXPECT_EQ(ask(pipes, "stat /work"), "40755 0:0\n");
  EXPECT_EQ(ask(pipes, "write /dev/null x"), "/dev/null: ok\n");
  EXPECT_EQ(ask(pipes, "write /dev/shm/x x"), "/dev/shm/x: ok\n");
  EXPECT_EQ(ask(pipes, "write /proc/sys/kernel/hostname x"),
            "/proc/sys/kernel/hostname: Read-only file system\n");
  EXPECT_EQ(ask(pipes, "cat /etc/hosts"), cat("127.0.0.1 localhost\n127.0.1.1 ", then_.id(), "\n"));
}

// Nothing of the former root, and of the host, can be seen from the new one.
TEST_F(BecomeTest, MountsAreThoseOfAFreshContainer) {
  const Pipes pipes = begin();
  ASSERT_EQ(become(), "");
  const auto targets_of = [](std::string_view mounts) {
    std::multiset<std::string> targets;
    for (std::size_t at = 0; at < mounts.size(); at = mounts.find('\n', at) + 1) {
      const std::size_t from = mounts.find(' ', at) + 1;
      targets.emplace(mounts.substr(from, mounts.find(' ', from) - from));
    }
    return targets;
  };
  ContainerSpec fresh = then_;
  fresh.set_id("fresh");
  fresh.set_upper_dir(folder_ + "/run/fresh/upper");
  fresh.set_upper_work_dir(folder_ + "/run/fresh/work");
  fresh.clear_args();
  for (const char* word : {"/bin/probe", "cat", "/proc/self/mounts"}) fresh.add_args(word);
  EXPECT_EQ(targets_of(ask(pipes, "cat /proc/self/mounts")), targets_of(run(fresh).out));
}

TEST_F(BecomeTest, LimitsAreTheNewOnes) {
  first_.set_memory_bytes(64 << 20);
  first_.set_cpu_milli(100);
  then_.set_memory_bytes(256 << 20);
  const Pipes pipes = begin();
  ASSERT_EQ(become(), "");
  EXPECT_EQ(ask(pipes, "eat 100"), "eat: ok\n");
  EXPECT_TRUE(write_all(pipes.in.get(), "eat 300\n").has_value());
  const ContainerEvent event = next(then_.id());
  EXPECT_EQ(event.kind, ContainerEvent::kExited);
  EXPECT_TRUE(event.oom_killed);
}

TEST_F(BecomeTest, DiskBoundCounts) {
  first_.set_disk_bytes(16 << 20);
  first_.set_disk_in_memory(true);
  then_.set_disk_bytes(32 << 20);
  const Pipes pipes = begin();
  ASSERT_EQ(become(), "");
  EXPECT_EQ(ask(pipes, "fill /big 64"), "fill: No space left on device\n");
}

TEST_F(BecomeTest, WhatCannotBeIsRefused) {
  const Pipes pipes = begin();
  then_.set_network(NETWORK_NAT);
  EXPECT_EQ(become(), cat("start container ", then_.id(),
                          ": the one that waits has another network, user or mounts"));
  then_.set_network(NETWORK_NONE);
  then_.set_lowers(1, folder_ + "/missing");
  EXPECT_NE(become(), "");
  then_.set_id("nobody");
  EXPECT_OK_(spawner_->become(then_));
  EXPECT_EQ(ask(pipes, "pwd"), "/\n");
}

TEST_F(BecomeTest, NothingStays) {
  {
    const Pipes pipes = begin();
    ASSERT_EQ(become(), "");
  }
  EXPECT_EQ(next(first_.id()).kind, ContainerEvent::kExited);
  const auto gone = [&](const std::string& folder) { return !std::filesystem::exists(folder); };
  spawner_.reset();
  EXPECT_TRUE(gone(first_.upper_dir()) && gone(first_.upper_work_dir()));
  EXPECT_TRUE(gone(then_.upper_dir()) && gone(then_.upper_work_dir()));
}

}  // namespace
}  // namespace ionian::container
