// Nothing outlives its owner, and nothing piles up.
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <set>
#include <sstream>

#include "container/network_fixture.h"
#include "container/nft.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

class LifetimeTest : public NetworkFixture {
 protected:
  // Waits for the end of a process that need not be ours.
  static bool ended(int pidfd) {
    pollfd end{.fd = pidfd, .events = POLLIN};
    return ::poll(&end, 1, 10'000) == 1;
  }
  // Whatever is below `folder`. Entries vanish while they are looked at.
  static std::vector<std::filesystem::directory_entry> entries(const std::string& folder) {
    std::vector<std::filesystem::directory_entry> found;
    std::error_code gone;
    for (std::filesystem::recursive_directory_iterator each(folder, gone), end;
         !gone && each != end; each.increment(gone))
      found.push_back(*each);
    return found;
  }
  std::set<std::string> groups() const {
    std::set<std::string> found;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup"))
      if (const auto path = hierarchy.path() / cat("ionian-", name_); std::filesystem::exists(path))
        for (const auto& entry : entries(path))
          if (std::error_code gone; entry.is_directory(gone)) found.insert(entry.path());
    return found;
  }
  bool anything_of_ours() const {
    bool found = read_file("/proc/net/dev")->find("ioni") != std::string::npos;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup"))
      found |= std::filesystem::exists(hierarchy.path() / cat("ionian-", name_));
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/run"))
      found |= entry.path().filename() != "lock";
    found |= run_nft(cat("list table inet ionian_", name_, "\n")).has_value();
    found |= *read_file("/proc/sys/net/ipv4/conf/uplink/forwarding") != "0\n";
    return found;
  }
  // A container that waits for ever, with processes of its own.
  ContainerEvent start_waiting(std::vector<UniqueFd>& pipes) {
    ContainerSpec wanted = nat({"pause"});
    Pipes ours = launch(wanted);
    EXPECT_EQ(read_line(ours.out), "ready");
    pipes.push_back(std::move(ours.in));
    return next(wanted.id());
  }
};

TEST_F(LifetimeTest, KillOfTheServerEndsEverything) {
  spawner_.reset();
  auto [read_end, write_end] = make_pipe();
  const pid_t server = ::fork();
  if (server == 0) {
    start();
    std::vector<UniqueFd> pipes;
    std::string pids = cat(spawner_->pid(), " ");
    for (int i = 0; i < 3; ++i) cat_to(pids, start_waiting(pipes).pid, " ");
    (void)write_all(write_end.get(), pids + "\n");
    for (;;) ::pause();
  }
  std::istringstream pids(read_line(read_end));
  std::vector<UniqueFd> processes;
  for (pid_t pid; pids >> pid;) processes.emplace_back(sys_pidfd_open(pid));
  ASSERT_EQ(processes.size(), 4u);
  EXPECT_TRUE(anything_of_ours());
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  for (const UniqueFd& process : processes) EXPECT_TRUE(ended(process.get()));
  EXPECT_FALSE(anything_of_ours());
}

TEST_F(LifetimeTest, KillOfTheSpawnerEndsItsContainersAndTheNextOneClearsUp) {
  std::vector<UniqueFd> pipes;
  const ContainerEvent first = start_waiting(pipes), second = start_waiting(pipes);
  ::kill(spawner_->pid(), SIGKILL);
  EXPECT_TRUE(ended(first.pidfd.get()));
  EXPECT_TRUE(ended(second.pidfd.get()));
  pollfd readable{.fd = spawner_->fd(), .events = POLLIN};
  ASSERT_EQ(::poll(&readable, 1, 10'000), 1);
  Result<std::vector<ContainerEvent>> events = spawner_->read_events();
  while (events) events = spawner_->read_events();
  EXPECT_EQ(events.error().code, Code::kUnavailable);
  EXPECT_FALSE(spawner_->launch(spec({"hello"}), {}).has_value());
  EXPECT_FALSE(groups().empty());

  start();
  EXPECT_TRUE(groups().empty());
  const UniqueFd server = listen(world_.get(), "203.0.113.5", 8086);
  EXPECT_EQ(tcp("203.0.113.5", 8086), "connect: ok\n");
  spawner_.reset();
  EXPECT_FALSE(anything_of_ours());
}

// A process that is left in a group of ours, of a spawner that could not clear up.
TEST_F(LifetimeTest, ProcessesOfAFormerLifeAreEnded) {
  spawner_.reset();
  const std::string group = cat("/sys/fs/cgroup/pids/ionian-", name_, "/left");
  ASSERT_OK(make_folders(group));
  const pid_t left = ::fork();
  if (left == 0)
    for (;;) ::pause();
  ASSERT_OK(write_file(group + "/cgroup.procs", cat(left)));
  const UniqueFd pidfd(sys_pidfd_open(left));
  // Its parent reaps it, as the host's init would.
  std::signal(SIGCHLD, SIG_IGN);
  start();
  std::signal(SIGCHLD, SIG_DFL);
  EXPECT_TRUE(ended(pidfd.get()));
  EXPECT_FALSE(std::filesystem::exists(group));
}

TEST_F(LifetimeTest, KillOfInitIsTheEndOfTheContainer) {
  std::vector<UniqueFd> pipes;
  const ContainerEvent started = start_waiting(pipes);
  ::kill(started.pid, SIGKILL);
  const ContainerEvent exited = next(started.id);
  EXPECT_EQ(exited.kind, ContainerEvent::kExited);
  EXPECT_EQ(exited.signal, SIGKILL);
  EXPECT_FALSE(exited.oom_killed);
}

TEST_F(LifetimeTest, NothingPilesUp) {
  using Counts = std::array<std::ptrdiff_t, 5>;  // files, mounts, entries, groups, links
  const auto counts = [&] {
    const std::string proc = cat("/proc/", spawner_->pid());
    std::istringstream mountinfo(*read_file(proc + "/mountinfo"));
    std::ptrdiff_t mounts = 0;
    for (std::string line; std::getline(mountinfo, line);)
      mounts += line.find(folder_) != line.npos;
    return Counts{std::ssize(entries(proc + "/fd")), mounts, std::ssize(entries(folder_ + "/run")),
                  static_cast<std::ptrdiff_t>(groups().size()),
                  std::ranges::count(*read_file("/proc/net/dev"), '\n')};
  };
  // The pools fill up and dead namespaces vanish a little later: the count that stays the same.
  const auto settled = [&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Counts last = counts();
    for (int same = 0; same < 300 && std::chrono::steady_clock::now() < deadline; ++same)
      if (const Counts now = counts(); now != last) {
        last = now;
        same = 0;
      }
    return last;
  };
  for (int i = 0; i < 5; ++i) {
    ContainerSpec wanted = nat({"hello"});
    if (i == 4) wanted.set_disk_bytes(16 << 20);
    EXPECT_EQ(run(wanted).out, "hello\n");
  }
  const Counts before = settled();
  for (int i = 0; i < 150; ++i) {
    ContainerSpec wanted = nat({"hello"});
    if (i % 10 == 0) wanted.set_disk_bytes(16 << 20);
    if (i % 10 == 1) wanted.set_args(0, "/missing");
    launch(wanted);
    if (next(wanted.id()).kind == ContainerEvent::kStarted) next(wanted.id());
  }
  const Counts after = settled();
  // Free id ranges are kept: as many as there were containers at once. And the pool of namespaces,
  // with three files each, and that of disks may have been filling up when `before` was counted.
  EXPECT_LE(after[0], before[0] + 8 + 3 * 8 + 4);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_EQ(after[2], before[2]);
  EXPECT_EQ(after[3], before[3]);
  EXPECT_EQ(after[4], before[4]);
}

}  // namespace
}  // namespace ionian::container
