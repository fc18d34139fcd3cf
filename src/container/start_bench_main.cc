// `container_bench`: from launch() to the first byte that a static program writes, in a loop and
// after 20 ms of idleness, with the floor of the same run: the program alone, without any
// isolation. Needs root.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/file.h"
#include "container/packet.h"
#include "container/spawner.h"
#include "container/spec.pb.h"

using namespace ionian;
using namespace ionian::container;

namespace {

constexpr int kRuns = 200;

double now_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void report(const std::string& figure, const std::function<double()>& once) {
  for (const int gap_ms : {0, 20}) {
    std::vector<double> times;
    for (int i = 0; i < kRuns; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(gap_ms));
      times.push_back(once());
    }
    std::ranges::sort(times);
    std::printf("%-34s gap %2d ms: median %6.2f ms, p10 %6.2f, p99 %6.2f\n", figure.c_str(), gap_ms,
                times[kRuns / 2], times[kRuns / 10], times[kRuns * 99 / 100]);
  }
}

double floor_once(const std::string& program) {
  int fds[2];
  CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
  std::string name = program, verb = "hello";
  char* args[] = {name.data(), verb.data(), nullptr};
  pid_t pid;
  const double begin = now_ms();
  CHECK(::posix_spawn(&pid, program.c_str(), &actions, nullptr, args, nullptr) == 0);
  ::close(fds[1]);
  char byte;
  CHECK(::read(fds[0], &byte, 1) == 1);
  const double took = now_ms() - begin;
  ::waitpid(pid, nullptr, 0);
  ::close(fds[0]);
  posix_spawn_file_actions_destroy(&actions);
  return took;
}

// Waits for the container's end, outside of what is measured.
void await_end(Spawner& spawner) {
  for (;;) {
    pollfd readable{.fd = spawner.fd(), .events = POLLIN};
    ::poll(&readable, 1, -1);
    auto events = spawner.read_events();
    CHECK(events.has_value());
    for (const ContainerEvent& event : *events) {
      if (event.kind == ContainerEvent::kFailed) std::fprintf(stderr, "%s\n", event.error.c_str());
      if (event.kind != ContainerEvent::kStarted) return;
    }
  }
}

double container_once(Spawner& spawner, const std::string& folder, const ContainerSpec& base) {
  static int count = 0;
  ContainerSpec spec = base;
  spec.set_id(cat("b", ++count));
  spec.set_upper_dir(cat(folder, "/run/upper/", count));
  spec.set_upper_work_dir(cat(folder, "/run/work/", count));
  int fds[2];
  CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  Stdio stdio{.out = UniqueFd(fds[1])};
  const UniqueFd out(fds[0]);
  const double begin = now_ms();
  CHECK(spawner.launch(spec, std::move(stdio)).has_value());
  char byte;
  CHECK(::read(out.get(), &byte, 1) == 1);
  const double took = now_ms() - begin;
  await_end(spawner);
  return took;
}

}  // namespace

// An argument names the folder to work in: the file system of the upper counts.
int main(int argc, char** argv) {
  std::string path = cat(argc > 1 ? argv[1] : "/tmp", "/ionian-bench-XXXXXX");
  char* folder = ::mkdtemp(path.data());
  CHECK(folder != nullptr);
  CHECK(make_folders(cat(folder, "/base/bin")).has_value());
  for (const char* each : {"proc", "sys", "dev", "etc", "tmp"})
    CHECK(make_folders(cat(folder, "/base/", each)).has_value());
  for (const char* each : {"resolv.conf", "hosts"})
    CHECK(write_file(cat(folder, "/base/etc/", each), "").has_value());
  std::filesystem::copy_file(TEST_PROBE, cat(folder, "/base/bin/probe"));
  auto spawner = Spawner::start({.executable = TEST_SPAWNER,
                                 .run_dir = cat(folder, "/run"),
                                 .name = cat("bench-", ::getpid())});
  if (!spawner) {
    std::fprintf(stderr, "%s\n", spawner.error().message.c_str());
    return 1;
  }
  if (!(*spawner)->network_warning().empty())
    std::fprintf(stderr, "%s\n", (*spawner)->network_warning().c_str());
  ContainerSpec spec;
  spec.add_lowers(cat(folder, "/base"));
  spec.add_args("/bin/probe");
  spec.add_args("hello");
  spec.set_memory_bytes(256 << 20);
  spec.set_pids_max(64);
  spec.set_cpu_milli(1000);
  const auto once = [&] { return container_once(**spawner, folder, spec); };

  report("the program alone", [&] { return floor_once(cat(folder, "/base/bin/probe")); });
  report("container, no network", once);
  spec.set_network(NETWORK_NAT);
  report("container, NAT", once);
  spec.set_disk_bytes(1 << 30);
  report("container, NAT, disk bound", once);
  spawner->reset();
  return remove_tree(folder) ? 0 : 1;
}
