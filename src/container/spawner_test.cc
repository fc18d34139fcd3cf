// Containers from launch to their end.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>

#include "container/jail_fixture.h"

namespace ionian::container {
namespace {

using SpawnerTest = JailFixture;

TEST_F(SpawnerTest, RunsAProgramAndTellsItsEnd) {
  const Ended ended = run(spec({"hello"}));
  EXPECT_EQ(ended.out, "hello\n");
  EXPECT_EQ(ended.event.kind, ContainerEvent::kExited);
  EXPECT_EQ(ended.event.exit_code, 0);
  EXPECT_EQ(ended.event.signal, 0);
  EXPECT_FALSE(ended.event.oom_killed);
  EXPECT_GT(ended.event.peak_memory_bytes, 0u);
}

TEST_F(SpawnerTest, TellsExitCodesAndSignals) {
  EXPECT_EQ(run(spec({"exit", "42"})).event.exit_code, 42);
  EXPECT_EQ(run(spec({"raise", "11"})).event.signal, SIGSEGV);
}

TEST_F(SpawnerTest, TellsWhoStarted) {
  const ContainerSpec wanted = spec({"pause"});
  const Pipes pipes = launch(wanted);
  ContainerEvent started = next(wanted.id());
  ASSERT_EQ(started.kind, ContainerEvent::kStarted) << started.error;
  EXPECT_GT(started.pid, 0);
  EXPECT_EQ(started.id_base % 65536, 0u);
  EXPECT_TRUE(started.pidfd);
  EXPECT_TRUE(started.netns);
  EXPECT_EQ(read_line(pipes.out), "ready");
  ASSERT_OK(spawner_->kill_tree(wanted.id()));
  const ContainerEvent exited = next(wanted.id());
  EXPECT_EQ(exited.kind, ContainerEvent::kExited);
  EXPECT_EQ(exited.signal, SIGKILL);
}

TEST_F(SpawnerTest, SaysWhyAProgramDidNotStart) {
  if (!kForksAreOurs) GTEST_SKIP() << "what vfork's child says does not arrive here";
  ContainerSpec wanted = spec({});
  wanted.set_args(0, "nowhere");
  launch(wanted);
  const ContainerEvent event = next(wanted.id());
  EXPECT_EQ(event.kind, ContainerEvent::kFailed);
  EXPECT_EQ(event.error, "start container c1: start nowhere: No such file or directory");
}

TEST_F(SpawnerTest, RefusesSpecsThatMakeNoSense) {
  ContainerSpec no_program = spec({});
  no_program.clear_args();
  ContainerSpec no_layer = spec({});
  no_layer.set_lowers(0, folder_ + "/missing");
  for (const ContainerSpec& wanted : {no_program, no_layer}) {
    launch(wanted);
    const ContainerEvent event = next(wanted.id());
    EXPECT_EQ(event.kind, ContainerEvent::kFailed);
    EXPECT_FALSE(event.error.empty());
    EXPECT_FALSE(event.of_machine) << event.error;
  }
  ContainerSpec bad_id = spec({});
  bad_id.set_id("../x");
  launch(bad_id);
  EXPECT_EQ(next("../x").kind, ContainerEvent::kFailed);
  EXPECT_EQ(output({"hello"}), "hello\n");
}

TEST_F(SpawnerTest, SaysWhereItIsTheMachineThatLacksSomething) {
  ASSERT_TRUE(write_file(folder_ + "/file", ""));
  ContainerSpec wanted = spec({"hello"});
  wanted.set_upper_dir(folder_ + "/file/upper");
  launch(wanted);
  const ContainerEvent event = next(wanted.id());
  EXPECT_EQ(event.kind, ContainerEvent::kFailed);
  EXPECT_TRUE(event.of_machine) << event.error;
}

TEST_F(SpawnerTest, PassesInputEnvironmentFilesAndWorkdir) {
  EXPECT_EQ(run(spec({"echo"}), "typed").out, "typed");

  ContainerSpec env = spec({"env", "NAME"});
  (*env.mutable_env())["NAME"] = "a value";
  EXPECT_EQ(run(env).out, "a value\n");

  ContainerSpec path = spec({"hello"});
  path.set_args(0, "probe");
  (*path.mutable_env())["PATH"] = "/nowhere:/bin";
  EXPECT_EQ(run(path).out, "hello\n");

  ContainerSpec workdir = spec({"pwd"});
  workdir.set_workdir("/made/for/it");
  EXPECT_EQ(run(workdir).out, "/made/for/it\n");

  ContainerSpec file = spec({"cat", "/var/args"});
  File& args = *file.add_files();
  args.set_path("/var/args");
  args.set_content("content");
  EXPECT_EQ(run(file).out, "content");
}

TEST_F(SpawnerTest, TakesSpecsThatAreLargerThanADatagram) {
  ContainerSpec wanted = spec({"cat", "/big"});
  File& file = *wanted.add_files();
  file.set_path("/big");
  file.set_content(std::string(8 << 20, 'b'));
  EXPECT_EQ(run(wanted).out.size(), std::size_t{8} << 20);

  file.set_content(std::string(33 << 20, 'b'));
  const Result<void> sent = spawner_->launch(wanted, {});
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Code::kInvalidArgument);
}

TEST_F(SpawnerTest, ForwardsSignalsAndReapsOrphans) {
  const ContainerSpec wanted = spec({"wait_signal"});
  const Pipes pipes = launch(wanted);
  EXPECT_EQ(next(wanted.id()).kind, ContainerEvent::kStarted);
  EXPECT_EQ(read_line(pipes.out), "ready");
  ASSERT_OK(spawner_->signal(wanted.id(), SIGTERM));
  EXPECT_EQ(read_line(pipes.out), "got 15");
  EXPECT_EQ(next(wanted.id()).exit_code, 7);

  EXPECT_EQ(output({"orphan"}), "reaped: ok\n");
}

TEST_F(SpawnerTest, StacksSixtyLayersAndKeepsThemUnchanged) {
  ContainerSpec wanted = spec({"cat", "/layer"});
  for (int i = 0; i < 60; ++i) {
    const std::string layer = cat(folder_, "/layer", i);
    ASSERT_OK(make_folders(layer));
    ASSERT_OK(write_file(layer + "/layer", cat(i)));
    wanted.add_lowers(layer);
  }
  EXPECT_EQ(run(wanted).out, "59");

  ContainerSpec writer = spec({"write", "/bin/probe", "replaced"});
  writer.set_keep_upper(true);
  EXPECT_EQ(run(writer).out, "/bin/probe: Text file busy\n");
  writer = spec({"write", "/new", "text"});
  writer.set_keep_upper(true);
  const Ended ended = run(writer);
  EXPECT_EQ(ended.out, "/new: ok\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/base/new"));
  struct stat info{};
  ASSERT_EQ(::stat((writer.upper_dir() + "/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, ended.event.id_base);
}

TEST_F(SpawnerTest, BindsFilesFoldersAndSockets) {
  ASSERT_OK(make_folders(folder_ + "/data"));
  ASSERT_OK(write_file(folder_ + "/data/file", "bound"));
  const auto bound = [&](const std::string& source, const std::string& target, bool read_only,
                         std::vector<std::string> args) {
    ContainerSpec wanted = spec(std::move(args));
    Bind& bind = *wanted.add_binds();
    bind.set_source(folder_ + source);
    bind.set_target(target);
    bind.set_read_only(read_only);
    return run(wanted).out;
  };
  EXPECT_EQ(bound("/data", "/mnt/data", true, {"cat", "/mnt/data/file"}), "bound");
  EXPECT_EQ(bound("/data/file", "/deep/er/file", true, {"cat", "/deep/er/file"}), "bound");
  EXPECT_EQ(bound("/data", "/mnt", true, {"write", "/mnt/x", "y"}),
            "/mnt/x: Read-only file system\n");
  EXPECT_EQ(bound("/data", "/mnt", false, {"write", "/mnt/x", "y"}), "/mnt/x: ok\n");
  struct stat info{};
  ASSERT_EQ(::stat((folder_ + "/data/x").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);

  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  (folder_ + "/data/s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(bound("/data/s", "/run/task.sock", true, {"stat", "/run/task.sock"}), "140755 0:0\n");
}

TEST_F(SpawnerTest, RunsManyAtOnce) {
  std::vector<ContainerSpec> specs;
  std::vector<Pipes> pipes;
  for (int i = 0; i < 24; ++i) {
    specs.push_back(spec({"hello"}));
    pipes.push_back(launch(specs.back()));
  }
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(read_all(pipes[i].out), "hello\n");
    EXPECT_EQ(next(specs[i].id()).kind, ContainerEvent::kStarted);
    EXPECT_EQ(next(specs[i].id()).exit_code, 0);
  }
}

}  // namespace
}  // namespace ionian::container
