// Programs that are started in containers that run already.
#include <csignal>
#include <sstream>

#include "container/jail_fixture.h"

namespace ionian::container {
namespace {

class ExecTest : public JailFixture {
 protected:
  // A container that waits.
  void begin(ContainerSpec wanted) {
    container_ = wanted.id();
    pipes_ = launch(wanted);
    ASSERT_EQ(next(container_).kind, ContainerEvent::kStarted);
    ASSERT_EQ(read_line(pipes_.out), "ready");
  }
  void SetUp() override {
    JailFixture::SetUp();
    begin(spec({"pause"}));
  }

  ExecSpec program(std::vector<std::string> args) {
    ExecSpec made;
    made.set_id(cat("x", ++execs_));
    made.set_container(container_);
    made.add_args("probe");
    made.mutable_env()->insert({"PATH", "/nowhere:/bin"});
    for (std::string& arg : args) *made.add_args() = std::move(arg);
    return made;
  }
  Pipes start_exec(const ExecSpec& wanted) {
    Pipes ours;
    Stdio theirs;
    std::tie(theirs.in, ours.in) = make_pipe();
    std::tie(ours.out, theirs.out) = make_pipe();
    std::tie(ours.err, theirs.err) = make_pipe();
    const Result<void> sent = spawner_->exec(wanted, std::move(theirs));
    EXPECT_TRUE(sent.has_value());
    return ours;
  }
  Ended exec(const ExecSpec& wanted) {
    Pipes pipes = start_exec(wanted);
    pipes.in.reset();
    Ended ended{.out = read_all(pipes.out), .err = read_all(pipes.err)};
    ended.event = next(wanted.id());
    if (ended.event.kind == ContainerEvent::kExecStarted) ended.event = next(wanted.id());
    return ended;
  }
  std::string output_of(std::vector<std::string> args) {
    return exec(program(std::move(args))).out;
  }

  std::string container_;
  Pipes pipes_;
  int execs_ = 0;
};

TEST_F(ExecTest, RunsBesideTheProgramAndTellsItsEnd) {
  const Ended hello = exec(program({"hello"}));
  EXPECT_EQ(hello.out, "hello\n");
  EXPECT_EQ(hello.event.kind, ContainerEvent::kExecExited);
  EXPECT_EQ(hello.event.exit_code, 0);
  EXPECT_EQ(exec(program({"exit", "42"})).event.exit_code, 42);
  EXPECT_EQ(exec(program({"raise", "11"})).event.signal, SIGSEGV);
}

TEST_F(ExecTest, SaysWhyAProgramDoesNotStart) {
  ExecSpec missing = program({});
  missing.set_args(0, "/nowhere");
  const Ended ended = exec(missing);
  EXPECT_EQ(ended.event.kind, ContainerEvent::kExecFailed);
  EXPECT_TRUE(ended.event.not_runnable);
  EXPECT_EQ(ended.event.error, "start /nowhere: No such file or directory");
  ExecSpec elsewhere = program({"hello"});
  elsewhere.set_container("c999");
  const Ended none = exec(elsewhere);
  EXPECT_EQ(none.event.kind, ContainerEvent::kExecFailed);
  EXPECT_FALSE(none.event.not_runnable);
}

TEST_F(ExecTest, DiesWithTheContainerAndBeforeItsEndIsTold) {
  const ExecSpec wanted = program({"pause"});
  const Pipes pipes = start_exec(wanted);
  ASSERT_EQ(next(wanted.id()).kind, ContainerEvent::kExecStarted);
  ASSERT_EQ(read_line(pipes.out), "ready");
  ASSERT_OK(spawner_->kill_tree(container_));
  EXPECT_EQ(next(container_).kind, ContainerEvent::kExited);
  ASSERT_FALSE(events_[wanted.id()].empty());
  EXPECT_EQ(next(wanted.id()).signal, SIGKILL);
  EXPECT_EQ(read_all(pipes.out), "");
}

TEST_F(ExecTest, ASignalReachesIt) {
  const ExecSpec wanted = program({"pause"});
  const Pipes pipes = start_exec(wanted);
  ASSERT_EQ(next(wanted.id()).kind, ContainerEvent::kExecStarted);
  ASSERT_EQ(read_line(pipes.out), "ready");
  ASSERT_OK(spawner_->signal_exec(wanted.id(), SIGKILL));
  EXPECT_EQ(next(wanted.id()).signal, SIGKILL);
  EXPECT_EQ(output_of({"hello"}), "hello\n");  // the container goes on
}

// The lines of /proc/self/status that say what a process may do.
std::string rights(const std::string& status) {
  std::string found;
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);)
    for (const char* key : {"Uid", "Gid", "Cap", "NoNewPrivs", "Seccomp:", "Groups"})
      if (line.starts_with(key)) found += line + "\n";
  return found;
}

TEST_F(ExecTest, MayDoWhatTheProgramMayAndNoMore) {
  const std::string programs = rights(output({"cat", "/proc/self/status"}));
  EXPECT_NE(programs.find("Seccomp:\t2"), std::string::npos) << programs;
  EXPECT_EQ(rights(output_of({"cat", "/proc/self/status"})), programs);
  EXPECT_EQ(output_of({"cat", "/proc/self/cgroup"}), output({"cat", "/proc/self/cgroup"}));
  EXPECT_EQ(output_of({"cat", "/proc/self/uid_map"}).find("         0          0"),
            std::string::npos);
  // Nothing of the spawner's came along.
  const std::string status = output_of({"status"});
  EXPECT_EQ(status.find("fd 3"), std::string::npos) << status;
  EXPECT_NE(status.find("host c1 "), std::string::npos) << status;
}

TEST_F(ExecTest, SharesTheContainersBounds) {
  ASSERT_OK(spawner_->kill_tree(container_));
  ASSERT_EQ(next(container_).kind, ContainerEvent::kExited);
  ContainerSpec small = spec({"pause"});
  small.set_memory_bytes(128 << 20);  // room for a sanitizer's own on the way in
  small.mutable_env()->insert({"COLOUR", "red"});
  small.set_workdir("/work");
  begin(small);
  EXPECT_EQ(exec(program({"eat", "512"})).event.signal, SIGKILL);
  EXPECT_EQ(output_of({"env", "COLOUR"}), "red\n");
  EXPECT_EQ(output_of({"pwd"}), "/work\n");
  ExecSpec other = program({"env", "COLOUR"});
  other.mutable_env()->insert({"COLOUR", "blue"});
  EXPECT_EQ(exec(other).out, "blue\n");
  ExecSpec nowhere = program({"pwd"});
  nowhere.set_workdir("/missing");
  EXPECT_EQ(exec(nowhere).event.error, "enter /missing: No such file or directory");
}

TEST_F(ExecTest, ATerminalIsTheContainersOwn) {
  ExecSpec wanted = program({"terminal"});
  wanted.mutable_terminal()->set_rows(33);
  wanted.mutable_terminal()->set_columns(111);
  const Pipes pipes = start_exec(wanted);
  const ContainerEvent started = next(wanted.id());
  ASSERT_EQ(started.kind, ContainerEvent::kExecStarted) << started.error;
  ASSERT_TRUE(started.terminal);
  ::fcntl(started.terminal.get(), F_SETFL, 0);
  EXPECT_EQ(read_all(started.terminal), "/dev/pts/0 33 rows 111 columns, ours\r\n");
  EXPECT_EQ(next(wanted.id()).exit_code, 0);
}

TEST_F(ExecTest, ControlCEndsWhatRunsInATerminal) {
  ExecSpec wanted = program({"pause"});
  wanted.mutable_terminal();
  const Pipes pipes = start_exec(wanted);
  const ContainerEvent started = next(wanted.id());
  ASSERT_EQ(started.kind, ContainerEvent::kExecStarted) << started.error;
  ::fcntl(started.terminal.get(), F_SETFL, 0);
  EXPECT_EQ(read_line(started.terminal), "ready\r");
  ASSERT_OK(write_all(started.terminal.get(), "\x03"));
  EXPECT_EQ(next(wanted.id()).signal, SIGINT);
}

TEST_F(ExecTest, ManyAtOnceLeaveNothingBehind) {
  std::vector<std::pair<ExecSpec, Pipes>> running;
  for (int i = 0; i < 50; ++i) {
    const ExecSpec wanted = program({i % 3 == 0 ? "exit" : "hello", "3"});
    running.emplace_back(wanted, start_exec(wanted));
  }
  for (const auto& [wanted, pipes] : running) {
    const ContainerEvent started = next(wanted.id());
    ASSERT_EQ(started.kind, ContainerEvent::kExecStarted) << started.error;
    EXPECT_EQ(next(wanted.id()).kind, ContainerEvent::kExecExited);
  }
  ASSERT_OK(spawner_->kill_tree(container_));
  EXPECT_EQ(next(container_).kind, ContainerEvent::kExited);
}

}  // namespace
}  // namespace ionian::container
