#pragma once
// The inside of the jail: what the new process does between its birth and the first instruction of
// the user's program. The spawner prepares everything that needs rights outside; what happens here
// needs none.
#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "container/spec.pb.h"
#include "container/user.h"

namespace ionian::container {

struct MountInto {
  int mount;           // detached
  std::string target;  // inside; made if it is missing
};

// All descriptors are the spawner's; the child closes what it does not need. The spawner's working
// folder is where the root file system gets mounted.
struct Plan {
  const ContainerSpec* spec = nullptr;
  const std::vector<sock_filter>* seccomp = nullptr;
  int maps_written = -1;  // readable when the id maps are there; end of file: the spawner died
  int report = -1;        // write end of a packet pipe, see Report
  int stdio[3] = {-1, -1, -1};
  int control = -1;  // of a zygote: where it is asked for copies
  int forker = -1;   // not -1: who brings the program speaks here (zygote.h)
  int rootfs = -1;
  std::vector<int> v1_tasks;
  std::vector<MountInto> mounts;  // in this order, after /proc and before what depends on /dev
};

// What the container says to the spawner, one packet each. kError may be followed by others, which
// then say nothing.
enum class Report : char {
  kError = 'E',      // then the text
  kNoCopy = 'N',     // the same: its zygote made no copy for it
  kStarted = 'S',    // the program runs
  kExited = 'X',     // then its wait status, an int
  kBecame = 'B',     // of contain_anew(): the program finds another file system around it
  kExchanged = 'C',  // of exchange_mount()
  kBusy = 'Y',       // of the same: files are open in what stands there
};

// Runs in the child of clone3 and never returns.
[[noreturn]] void contain(const Plan& plan);

// Runs in a child of the spawner and never returns: puts plan's file system in the place of the one
// that the container of that init has.
[[noreturn]] void contain_anew(const Plan& plan, int init_pidfd);

// Runs in a child of the spawner and never returns: puts a mount in the place of the one that the
// container of that init has at `target`, at once and only if nothing there is in use.
[[noreturn]] void exchange_mount(int mount, const std::string& target, int report, int init_pidfd);

// The parts of contain(), one file each.
Result<void> enter_namespaces(int init_pidfd);  // contain_anew.cc
Result<void> wait_for_spawner(const Plan& plan);
Result<void> join_cgroups(const Plan& plan);
// Everything that is mounted, and the host's name.
enum class ProcShows { kAll, kOwn };  // processes of the namespace, or of the reader's own user
Result<void> enter_file_system(const Plan& plan, ProcShows shows);
Result<void> enter_workdir(const ContainerSpec& spec);
Result<void> become_root();
Result<void> tie_to_spawner();
Result<User> look_up_user(const std::string& wanted);
// So that it can open /dev/stdout again by name.
Result<void> give_pipes(const int (&stdio)[3], const User& user);
// Before the program begins: from here on there is only what it may do.
enum class Keep { kCapabilitiesOfRoot, kNothing };
Result<void> give_up_rights(const ContainerSpec& spec, const std::vector<sock_filter>& seccomp,
                            Keep keep);
Result<void> make_workdir(const ContainerSpec& spec);
Result<void> mount_proc_outside(int& proc, ProcShows shows);  // system_mounts.cc
Result<void> attach(int mount, const std::string& target);
Result<void> attach_mounts(const Plan& plan, int proc);
Result<void> mount_own(std::uint64_t shm_bytes);
Result<void> mask_proc();
Result<void> write_files(const ContainerSpec& spec, const User& owner);  // files.cc
Result<void> drop_capabilities(Keep keep);                               // capabilities.cc
std::uint64_t kept_capabilities();                                       // as a mask of bits
bool capability_exists(int capability);                                  // in this kernel
std::vector<sock_filter> make_seccomp_filter();                          // seccomp.cc
Result<void> load_seccomp_filter(const std::vector<sock_filter>& filter);
[[noreturn]] void run_init(const Plan& plan, const User& user);  // init.cc
void send_report(int report, Report kind, std::string_view rest);

// Makes `target` a folder or an empty file, with the folders above it.
Result<void> make_mount_point(const std::string& target, bool folder);

}  // namespace ionian::container
