// One test for each claim of the jail, which tries to break it.
#include <gmock/gmock.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <csignal>
#include <sstream>

#include "base/names_in.h"
#include "container/jail_fixture.h"

namespace ionian::container {
namespace {

using testing::HasSubstr;

class IsolationTest : public JailFixture {
 protected:
  // The errno text of a system call made inside.
  std::string call(long number, std::vector<std::string> args = {}) {
    std::vector<std::string> all = {"call", cat(number)};
    all.insert(all.end(), args.begin(), args.end());
    return output(std::move(all));
  }
  static std::string field(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + ":"))
        return line.substr(line.find_first_not_of("\t :", name.size()));
    return "(none)";
  }
};

constexpr const char* kRefused = "call: Operation not permitted\n";
constexpr const char* kUnknown = "call: Function not implemented\n";

TEST_F(IsolationTest, SeesItselfAloneAsRootOfItsOwnHost) {
  ContainerSpec wanted = spec({"status"});
  wanted.set_hostname("box");
  EXPECT_EQ(run(wanted).out,
            "pid 2 uid 0 gid 0 host box ppid 1\nfd 0\nfd 1\nfd 2\n");  // and no file of ours
  EXPECT_EQ(output({"cat", "/proc/3/status"}), "/proc/3/status: No such file or directory\n");
}

TEST_F(IsolationTest, HasOnlyTheCapabilitiesThatRootInsideNeeds) {
  const std::string status = output({"cat", "/proc/self/status"});
  EXPECT_EQ(field(status, "CapBnd"), "00000000800405fb");
  EXPECT_EQ(field(status, "CapEff"), "00000000800405fb");
  EXPECT_EQ(field(status, "CapInh"), "0000000000000000");
  EXPECT_EQ(field(status, "CapAmb"), "0000000000000000");
  EXPECT_EQ(field(status, "NoNewPrivs"), "1");
  EXPECT_EQ(field(status, "Seccomp"), "2");
}

TEST_F(IsolationTest, BuildsMayUseSetuidProgramsAndChangeOwners) {
  ContainerSpec wanted = spec({"cat", "/proc/self/status"});
  wanted.set_allow_setuid(true);
  const std::string status = run(wanted).out;
  EXPECT_EQ(field(status, "NoNewPrivs"), "0");
  EXPECT_EQ(field(status, "CapBnd"), "00000000800405fb");
  EXPECT_EQ(field(status, "Seccomp"), "2");

  ContainerSpec chown = spec({"chown", "/bin/probe", "1000"});
  chown.set_allow_setuid(true);
  EXPECT_EQ(run(chown).out, "chown: ok\n");
  EXPECT_EQ(output({"setuid", "1000"}), "setuid: ok\n");
  EXPECT_EQ(output({"chown", "/bin/probe", "65536"}), "chown: Invalid argument\n");
}

TEST_F(IsolationTest, MakesNoNestedNamespaces) {
  for (const long flags : {0x10000000L, 0x20000L, 0x40000000L, 0x20000000L, 0x02000000L, 0x80L}) {
    EXPECT_EQ(call(SYS_unshare, {cat(flags)}), kRefused) << flags;
    EXPECT_EQ(call(SYS_clone, {cat(flags | SIGCHLD)}), kRefused) << flags;
  }
  EXPECT_EQ(call(SYS_clone3), kUnknown);
  EXPECT_EQ(call(SYS_setns, {"0", "0"}), kRefused);
  EXPECT_EQ(call(SYS_unshare, {"0x400"}), "call: ok\n");  // CLONE_FILES stays
}

TEST_F(IsolationTest, ReachesNoDangerousSystemCall) {
  for (const long number : {SYS_bpf,
                            SYS_userfaultfd,
                            SYS_perf_event_open,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_request_key,
                            SYS_mount,
                            SYS_umount2,
                            SYS_pivot_root,
                            SYS_fsopen,
                            SYS_fsmount,
                            SYS_open_tree,
                            SYS_move_mount,
                            SYS_mount_setattr,
                            SYS_kexec_load,
                            SYS_init_module,
                            SYS_finit_module,
                            SYS_delete_module,
                            SYS_open_by_handle_at,
                            SYS_syslog,
                            SYS_reboot,
                            SYS_swapon,
                            SYS_memfd_secret,
                            SYS_quotactl,
                            SYS_settimeofday,
                            SYS_acct,
                            SYS_fanotify_init})
    EXPECT_EQ(call(number), kRefused) << number;
  for (const long number :
       std::initializer_list<long>{SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
                                   467L, 1000L, 0x40000000L + SYS_getpid})
    EXPECT_EQ(call(number), kUnknown) << number;
}

TEST_F(IsolationTest, OpensOnlyPlainSockets) {
  const auto open = [&](int family, int type) {
    return output({"socket", cat(family), cat(type)});
  };
  EXPECT_EQ(open(AF_INET, SOCK_STREAM), "socket: ok\n");
  EXPECT_EQ(open(AF_NETLINK, SOCK_RAW), "socket: ok\n");
  EXPECT_EQ(call(SYS_socket, {"2", "3", "1"}), kRefused);  // raw ICMP
  for (const int family : {AF_PACKET, AF_VSOCK, AF_ALG, AF_TIPC, AF_XDP, AF_BLUETOOTH})
    EXPECT_EQ(open(family, SOCK_DGRAM), "socket: Address family not supported by protocol\n");
}

TEST_F(IsolationTest, MakesNoDevices) {
  EXPECT_EQ(output({"mknod", "/device"}), "mknod: Operation not permitted\n");
  EXPECT_EQ(output({"write", "/dev/null", "text"}), "/dev/null: ok\n");
  EXPECT_EQ(output({"stat", "/dev"}), "40755 0:0\n");
}

// A device of the host that got into a layer must not work.
TEST_F(IsolationTest, DevicesInLayersAreDead) {
  ASSERT_EQ(::mknod((folder_ + "/base/disk").c_str(), S_IFBLK | 0666, makedev(7, 0)), 0);
  EXPECT_EQ(output({"cat", "/disk"}), "/disk: Permission denied\n");
}

TEST_F(IsolationTest, HidesWhatProcTellsAboutTheHost) {
  // Not every kernel has each of them.
  for (const char* path :
       {"/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/modules",
        "/proc/timer_list", "/proc/latency_stats", "/proc/sched_debug", "/proc/interrupts"}) {
    const std::string said = output({"cat", path});
    EXPECT_TRUE(said.empty() || said == cat(path, ": No such file or directory\n")) << said;
  }
  // What is in them on this machine is not: not so much as a name of it is found.
  for (const char* folder : {"/proc/acpi", "/proc/scsi", "/proc/asound", "/proc/pressure"})
    for (const std::string& name : names_in(folder))
      EXPECT_THAT(output({"stat", cat(folder, '/', name)}), HasSubstr("No such file"));
  const auto is_on_host = [](const char* path) { return ::access(path, F_OK) == 0; };
  const std::string mounts = output({"cat", "/proc/self/mountinfo"});
  for (const char* folder : {"/proc/irq", "/proc/bus", "/proc/fs"}) {
    if (!is_on_host(folder)) continue;
    EXPECT_THAT(mounts, HasSubstr(cat(" ", folder, " ro,")));
  }
  constexpr auto affinity = "/proc/irq/default_smp_affinity", sysrq = "/proc/sysrq-trigger";
  if (is_on_host(affinity)) {
    EXPECT_EQ(output({"write", affinity, "1"}), cat(affinity, ": Read-only file system\n"));
  }
  // Taken, and without effect: it is /dev/null.
  if (is_on_host(sysrq)) {
    EXPECT_EQ(output({"stat", sysrq}), output({"stat", "/dev/null"}));
  }
  EXPECT_EQ(output({"write", "/proc/sys/kernel/core_pattern", "|/x"}),
            "/proc/sys/kernel/core_pattern: Read-only file system\n");
  EXPECT_EQ(output({"write", "/proc/sys/vm/drop_caches", "3"}),
            "/proc/sys/vm/drop_caches: Read-only file system\n");
  EXPECT_EQ(output({"write", "/sys/x", "y"}), "/sys/x: Read-only file system\n");
}

TEST_F(IsolationTest, LeavesNoCoreFilesToTheHost) {
  EXPECT_THAT(output({"cat", "/proc/self/limits"}),
              testing::ContainsRegex("Max core file size +1 +1 +bytes"));
}

// Init is a copy of the spawner, which has seen the secrets of all.
TEST_F(IsolationTest, DoesNotLookIntoInit) {
  EXPECT_EQ(output({"cat", "/proc/1/mem"}), "/proc/1/mem: Permission denied\n");
  EXPECT_EQ(output({"cat", "/proc/1/environ"}), "/proc/1/environ: Permission denied\n");
  EXPECT_EQ(output({"cat", "/proc/1/root/bin"}), "/proc/1/root/bin: Permission denied\n");
  EXPECT_EQ(output({"ptrace", "1"}), "ptrace: Operation not permitted\n");
}

TEST_F(IsolationTest, SeesOnlyItsOwnMountsAndGroups) {
  const std::string mounts = output({"cat", "/proc/self/mountinfo"});
  EXPECT_EQ(mounts.find(folder_ + "/run/root"), std::string::npos);
  EXPECT_EQ(mounts.find("/sys/fs/cgroup/"), std::string::npos);
  std::istringstream groups(output({"cat", "/proc/self/cgroup"}));
  for (std::string line; std::getline(groups, line);)
    EXPECT_EQ(line.find("ionian"), std::string::npos) << line;
}

TEST_F(IsolationTest, SharesNoQueueOrMemoryOfSystemV) {
  const int key = 0x10000 + ::getpid();
  const std::string make = cat(IPC_CREAT | IPC_EXCL | 0666), find = "0";
  const int queue = ::msgget(key, IPC_CREAT | IPC_EXCL | 0666);
  const int memory = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
  ASSERT_TRUE(queue >= 0 && memory >= 0);
  constexpr const char* kNone = "call: No such file or directory\n";
  EXPECT_EQ(call(SYS_msgget, {cat(key), find}), kNone);
  EXPECT_EQ(call(SYS_shmget, {cat(key), "4096", find}), kNone);
  ::msgctl(queue, IPC_RMID, nullptr);
  ::shmctl(memory, IPC_RMID, nullptr);
  // Nor with each other.
  const ContainerSpec first = spec({"lines"});
  const Pipes pipes = launch(first);
  EXPECT_EQ(read_line(pipes.out), "ready");
  EXPECT_EQ(ask(pipes, cat("call ", SYS_msgget, ' ', key, ' ', make)), "call: ok\n");
  EXPECT_EQ(ask(pipes, cat("call ", SYS_msgget, ' ', key, ' ', find)), "call: ok\n");
  EXPECT_EQ(call(SYS_msgget, {cat(key), find}), kNone);
}

TEST_F(IsolationTest, NeighboursNeverShareIds) {
  std::vector<ContainerSpec> specs;
  std::vector<Pipes> pipes;
  std::map<std::uint32_t, int> bases;
  for (int i = 0; i < 8; ++i) {
    specs.push_back(spec({"pause"}));
    pipes.push_back(launch(specs.back()));
    ++bases[next(specs.back().id()).id_base];
  }
  EXPECT_EQ(bases.size(), 8u);
  for (const auto& [base, count] : bases) EXPECT_GE(base, 65536u);
}

TEST_F(IsolationTest, FilesOfTheHostKeepTheirOwners) {
  ASSERT_OK(write_file(folder_ + "/base/secret", "x", 0600));
  ASSERT_EQ(::chown((folder_ + "/base/secret").c_str(), 70'000, 70'000), 0);
  // An id beyond the container's 65,536 belongs to nobody, and root inside has no power over it.
  EXPECT_EQ(output({"stat", "/secret"}), "100600 65534:65534\n");
  EXPECT_EQ(output({"cat", "/secret"}), "/secret: Permission denied\n");
}

TEST_F(IsolationTest, MemoryIsBoundAndItsEndIsTold) {
  ContainerSpec wanted = spec({"eat", "200"});
  wanted.set_memory_bytes(32 << 20);
  const Ended ended = run(wanted);
  EXPECT_TRUE(ended.event.oom_killed);
  EXPECT_EQ(ended.event.signal, SIGKILL);
  EXPECT_LE(ended.event.peak_memory_bytes, 32u << 20);

  ContainerSpec enough = spec({"eat", "8"});
  enough.set_memory_bytes(32 << 20);
  const Ended fine = run(enough);
  EXPECT_FALSE(fine.event.oom_killed);
  EXPECT_GT(fine.event.peak_memory_bytes, 8u << 20);
}

TEST_F(IsolationTest, ProcessesAreBoundAndDieTogether) {
  ContainerSpec wanted = spec({"fork", "100"});
  wanted.set_pids_max(20);
  const Ended ended = run(wanted);
  EXPECT_EQ(ended.out, "fork: Resource temporarily unavailable\n");
  // The forked ones wait for ever, and hold the pipe: that it ended shows that they are gone.
  EXPECT_EQ(ended.event.kind, ContainerEvent::kExited);
}

// Other work on the machine only makes it longer.
TEST_F(IsolationTest, ProcessorTimeIsBound) {
  ContainerSpec wanted = spec({"spin", "100"});
  wanted.set_cpu_milli(100);
  EXPECT_GE(std::stol("0" + run(wanted).out), 500);
}

TEST_F(IsolationTest, DiskIsBound) {
  ContainerSpec wanted = spec({"fill", "/file", "100"});
  wanted.set_disk_bytes(48 << 20);
  wanted.set_memory_bytes(24 << 20);
  const Ended ended = run(wanted);
  EXPECT_EQ(ended.out, "fill: No space left on device\n");
  EXPECT_FALSE(ended.event.oom_killed);  // what is written is not the function's memory

  ContainerSpec enough = spec({"fill", "/file", "30"});
  enough.set_disk_bytes(48 << 20);
  EXPECT_EQ(run(enough).out, "fill: ok\n");
  EXPECT_FALSE(std::filesystem::exists(enough.upper_dir()));
}

TEST_F(IsolationTest, ADiskInMemoryIsBoundAndCountsAsMemory) {
  ContainerSpec wanted = spec({"fill", "/file", "100"});
  wanted.set_disk_bytes(24 << 20);
  wanted.set_disk_in_memory(true);
  EXPECT_EQ(run(wanted).out, "fill: No space left on device\n");
  ContainerSpec small = spec({"fill", "/file", "20"});
  small.set_disk_bytes(24 << 20);
  small.set_disk_in_memory(true);
  small.set_memory_bytes(12 << 20);
  EXPECT_TRUE(run(small).event.oom_killed);
}

TEST_F(IsolationTest, AKeptUpperComesWithTheEnd) {
  for (const std::uint64_t disk_bytes : {0, 32 << 20}) {
    ContainerSpec wanted = spec({"write", "/file", "kept"});
    wanted.set_keep_upper(true);
    wanted.set_disk_bytes(disk_bytes);
    const Ended ended = run(wanted);
    ASSERT_TRUE(ended.event.upper);
    const UniqueFd file(::openat(ended.event.upper.get(), "file", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(read_all(file), "kept");
  }
}

}  // namespace
}  // namespace ionian::container
