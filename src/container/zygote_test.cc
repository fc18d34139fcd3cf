// Programs that are copies of another container's.
#include <set>
#include <sstream>

#include "container/jail_fixture.h"

namespace ionian::container {
namespace {

class ZygoteTest : public JailFixture {
 protected:
  void SetUp() override {
    JailFixture::SetUp();
    if (!kForksAreOurs) GTEST_SKIP() << "no process may be traced here";
    zygote_ = spec({"zygote"});
    zygote_.set_zygote(true);
    zygote_.set_background(true);
  }
  void begin() {
    pipes_ = launch(zygote_);
    const ContainerEvent event = next(zygote_.id());
    ASSERT_EQ(event.kind, ContainerEvent::kStarted) << event.error;
    pid_ = event.pid;
  }
  void never_copies() {
    zygote_.mutable_args()->Clear();
    for (const char* word : {"/bin/probe", "pause"}) zygote_.add_args(word);
  }
  ContainerSpec copy_spec() {
    ContainerSpec made = spec({"unused"});
    made.set_forked_from(zygote_.id());
    return made;
  }
  Pipes copy(const ContainerSpec& wanted) {
    Pipes pipes = launch(wanted);
    const ContainerEvent event = next(wanted.id());
    EXPECT_EQ(event.kind, ContainerEvent::kStarted) << event.error;
    EXPECT_EQ(read_line(pipes.out), "ready");
    return pipes;
  }
  // What the kernel says of a process, less what is a matter of the moment.
  static std::string lasting(const std::string& status) {
    std::istringstream lines(status);
    std::string kept;
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("Vm") && !line.starts_with("Rss") &&
          line.find("ctxt") == std::string::npos)
        kept += line + "\n";
    return kept;
  }

  ContainerSpec zygote_;
  Pipes pipes_;
  pid_t pid_ = -1;
};

TEST_F(ZygoteTest, ACopyIsAProgramOfItsOwnContainer) {
  begin();
  ContainerSpec wanted = copy_spec();
  ASSERT_OK(write_file(folder_ + "/mine", "mine\n"));
  Bind& bind = *wanted.add_binds();
  bind.set_source(folder_ + "/mine");
  bind.set_target("/bound");
  const Pipes pipes = copy(wanted);
  EXPECT_EQ(ask(pipes, "cat /bound"), "mine\n");
  EXPECT_EQ(ask(pipes, "write /new x"), "/new: ok\n");
  EXPECT_EQ(ask(pipes, "stat /new"), "100644 0:0\n");
  EXPECT_EQ(ask(pipes, "pwd"), "/\n");
  EXPECT_TRUE(
      ask(pipes, "status").starts_with(cat("pid 2 uid 0 gid 0 host ", wanted.id(), " ppid 1\n")));
}

// Everything but its memory is as if it had been started.
TEST_F(ZygoteTest, TheKernelSeesNoDifference) {
  begin();
  const Pipes copied = copy(copy_spec());
  const ContainerSpec fresh = spec({"lines"});
  const Pipes started = launch(fresh);
  ASSERT_EQ(next(fresh.id()).kind, ContainerEvent::kStarted);
  ASSERT_EQ(read_line(started.out), "ready");
  const std::string expected = lasting(ask(started, "cat /proc/self/status"));
  EXPECT_NE(expected.find("Seccomp:\t2"), std::string::npos);
  EXPECT_EQ(lasting(ask(copied, "cat /proc/self/status")), expected);
  for (const char* file : {"/proc/self/cgroup", "/proc/self/limits", "/proc/self/oom_score_adj",
                           "/proc/1/status", "/proc/self/mounts"})
    EXPECT_EQ(lasting(ask(copied, cat("cat ", file))).size(),
              lasting(ask(started, cat("cat ", file))).size())
        << file << ask(copied, cat("cat ", file)) << ask(started, cat("cat ", file));
  EXPECT_EQ(ask(copied, "stat /proc/self/environ"), ask(started, "stat /proc/self/environ"));
}

TEST_F(ZygoteTest, CopiesHaveIdsNamespacesAndLimitsOfTheirOwn) {
  begin();
  ContainerSpec one = copy_spec(), two = copy_spec();
  one.set_memory_bytes(64 << 20);
  const Pipes first = copy(one), second = copy(two);
  EXPECT_NE(ask(first, "cat /proc/self/uid_map"), ask(second, "cat /proc/self/uid_map"));
  EXPECT_EQ(ask(first, "write /shared x"), "/shared: ok\n");
  EXPECT_EQ(ask(second, "cat /shared"), "/shared: No such file or directory\n");
  EXPECT_EQ(ask(first, "mknod /dev/x"), "mknod: Operation not permitted\n");
  EXPECT_EQ(ask(first, "call 272 0x10000000"), "call: Operation not permitted\n");  // unshare
  EXPECT_EQ(ask(first, "call 308 0 0"), "call: Operation not permitted\n");         // setns
  EXPECT_TRUE(write_all(first.in.get(), "eat 100\n").has_value());
  const ContainerEvent event = next(one.id());
  EXPECT_EQ(event.kind, ContainerEvent::kExited);
  EXPECT_TRUE(event.oom_killed);
  EXPECT_EQ(ask(second, "eat 100"), "eat: ok\n");
}

TEST_F(ZygoteTest, TheZygoteHasNoRights) {
  begin();
  const Pipes pipes = copy(copy_spec());  // so that its program runs
  const std::string status = *read_file(cat("/proc/", pid_, "/status"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_NE(status.find(cat(set, ":\t0000000000000000")), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos);
  EXPECT_EQ(status.find("Uid:\t0"), std::string::npos);
}

// A descriptor at its end, watched for ever, would keep the spawner awake.
TEST_F(ZygoteTest, TheSpawnerSleepsBesideAZygote) {
  begin();
  const Pipes pipes = copy(copy_spec());
  const std::string stat = cat("/proc/", spawner_->pid(), "/stat");
  int asleep = 0;
  for (int looks = 0; looks < 3000 && asleep < 20; ++looks) {
    const std::string text = *read_file(stat);
    asleep = text.substr(text.rfind(')') + 2, 1) == "S" ? asleep + 1 : 0;
    ::poll(nullptr, 0, 5);
  }
  EXPECT_EQ(asleep, 20);
}

TEST_F(ZygoteTest, CopiesOutliveTheirZygote) {
  begin();
  const Pipes pipes = copy(copy_spec());
  EXPECT_OK_(spawner_->kill_tree(zygote_.id()));
  EXPECT_EQ(next(zygote_.id()).kind, ContainerEvent::kExited);
  EXPECT_EQ(ask(pipes, "pwd"), "/\n");
  const ContainerSpec late = copy_spec();
  const Pipes none = launch(late);
  EXPECT_EQ(next(late.id()).kind, ContainerEvent::kFailed);
}

TEST_F(ZygoteTest, ManyAtOnce) {
  begin();
  std::vector<std::pair<ContainerSpec, Pipes>> all;
  for (int i = 0; i < 20; ++i) {
    const ContainerSpec wanted = copy_spec();
    all.emplace_back(wanted, launch(wanted));
  }
  for (auto& [wanted, pipes] : all) {
    EXPECT_EQ(next(wanted.id()).kind, ContainerEvent::kStarted);
    EXPECT_EQ(read_line(pipes.out), "ready");
    pipes.in.reset();
    const ContainerEvent event = next(wanted.id());
    EXPECT_EQ(event.kind, ContainerEvent::kExited);
    EXPECT_EQ(event.exit_code, 0);
  }
}

void expect_not_copied(const ContainerEvent& event) {
  EXPECT_EQ(event.kind, ContainerEvent::kFailed);
  EXPECT_TRUE(event.not_copied) << event.error;
}

TEST_F(ZygoteTest, OneThatHangsIsEndedAndSoIsTheWaitForIt) {
  begin();
  ASSERT_EQ(::kill(pid_, SIGSTOP), 0);
  // A tracer that comes before it stands still would take the signal for itself.
  const auto stands_still = [stat = cat("/proc/", pid_, "/stat")] {
    const std::string text = *read_file(stat);
    return text.substr(text.rfind(')') + 2, 1) == "T";
  };
  for (int looks = 0; looks < 3000 && !stands_still(); ++looks) ::poll(nullptr, 0, 1);
  ASSERT_TRUE(stands_still());
  const ContainerSpec all[] = {copy_spec(), copy_spec(), copy_spec()};
  for (const ContainerSpec& wanted : all) launch(wanted);
  expect_not_copied(next(all[0].id()));
  EXPECT_EQ(next(zygote_.id()).signal, SIGKILL);
  for (const ContainerSpec& wanted : {all[1], all[2]})
    EXPECT_EQ(next(wanted.id()).kind, ContainerEvent::kFailed);
}

// The process that makes the copy has the zygote under its eyes all the time. Its alarm rings after
// ten seconds.
class EndOfAHelper : public ZygoteTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(By, EndOfAHelper, testing::Values(SIGKILL, SIGALRM));

TEST_P(EndOfAHelper, IsThatOfItsZygote) {
  never_copies();
  begin();
  const ContainerSpec wanted = copy_spec(), another = copy_spec();
  const Pipes pipes = launch(wanted), pipes_of_another = launch(another);
  pid_t helper = 0;
  for (int looks = 0; looks < 3000 && helper == 0; ++looks) {
    const std::string status = *read_file(cat("/proc/", pid_, "/status"));
    helper = std::atoi(status.c_str() + status.find("TracerPid:") + 10);
    ::poll(nullptr, 0, 1);
  }
  ASSERT_GT(helper, 0);
  ASSERT_EQ(::kill(helper, GetParam()), 0);
  expect_not_copied(next(wanted.id()));
  EXPECT_EQ(next(another.id()).kind, ContainerEvent::kFailed);
  EXPECT_EQ(next(zygote_.id()).signal, SIGKILL);
}

TEST_F(ZygoteTest, AnEndWhileItWaits) {
  never_copies();
  begin();
  const ContainerSpec wanted = copy_spec();
  const Pipes pipes = launch(wanted);
  EXPECT_OK_(spawner_->kill_tree(wanted.id()));
  const ContainerEvent event = next(wanted.id());
  EXPECT_EQ(event.kind, ContainerEvent::kExited);
  EXPECT_EQ(event.signal, SIGKILL);
}

}  // namespace
}  // namespace ionian::container
