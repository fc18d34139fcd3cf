// The filter of system calls. Calls are allowed but for a list, and those that are newer than this
// file do not exist. Numbers are looked up in a binary tree: the kernel walks the filter once for
// each number when it is loaded, which makes a long list of comparisons cost 0.2 ms at each start.
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <map>

#include "container/contain.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// removexattrat of Linux 6.13. On x86 this also refuses the x32 calls, whose numbers have bit 30
// set.
constexpr std::uint32_t kLastKnown = 466;

enum class Rule { kAllow, kRefuse, kUnknown, kNoNamespaces, kPlainSockets, kNoTyping };

constexpr std::uint32_t kRefused[] = {
    SYS_acct,
    SYS_add_key,
    SYS_bpf,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_fanotify_init,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_init_module,
    SYS_kcmp,
    SYS_kexec_file_load,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_lookup_dcookie,
    SYS_memfd_secret,
    SYS_migrate_pages,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_move_pages,
    SYS_nfsservctl,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pivot_root,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_reboot,
    SYS_request_key,
    SYS_setns,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_syslog,
    SYS_umount2,
    SYS_userfaultfd,
    SYS_vhangup,
    457 /* statmount */,
    458 /* listmount */,
#if defined(__x86_64__)
    SYS__sysctl,
    SYS_create_module,
    SYS_get_kernel_syms,
    SYS_ioperm,
    SYS_iopl,
    SYS_query_module,
    SYS_sysfs,
    SYS_uselib,
    SYS_ustat,
#endif
};
// Programs fall back from these when the kernel seems not to have them. clone3 keeps its flags
// where no filter can see them.
constexpr std::uint32_t kUnknown[] = {SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter,
                                      SYS_io_uring_register};

constexpr std::uint32_t kTimeNamespace =
    0x80;  // for clone() a part of the exit signal, and of none
constexpr std::uint32_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                          CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                          CLONE_NEWNET | kTimeNamespace;
constexpr std::uint32_t kLinuxConsole = 0x541C;  // TIOCLINUX

using Bpf = std::vector<sock_filter>;

sock_filter give(std::uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }
sock_filter refuse_with(int error) {
  return give(SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
}
sock_filter allow() { return give(SECCOMP_RET_ALLOW); }
// Low half of an argument; all that is looked at is an int for the kernel, too.
sock_filter load_argument(unsigned index) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                  static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * index);
}

Bpf code_of(Rule rule) {
  switch (rule) {
    case Rule::kAllow:
      return {allow()};
    case Rule::kRefuse:
      return {refuse_with(EPERM)};
    case Rule::kUnknown:
      return {refuse_with(ENOSYS)};
    case Rule::kNoNamespaces:
      return {load_argument(0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kNamespaceFlags, 0, 1),
              refuse_with(EPERM), allow()};
    case Rule::kPlainSockets:
      // Others reach past the network namespace (vsock) or deep into rarely used kernel code.
      return {load_argument(0),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 4, 0),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
              refuse_with(EAFNOSUPPORT),
              allow()};
    case Rule::kNoTyping:
      return {load_argument(1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kLinuxConsole, 0, 1), refuse_with(EPERM),
              allow()};
  }
  CHECK(false);
  return {};
}

std::map<std::uint32_t, Rule> rules() {
  std::map<std::uint32_t, Rule> by_number;
  for (const std::uint32_t number : kRefused) by_number[number] = Rule::kRefuse;
  for (const std::uint32_t number : kUnknown) by_number[number] = Rule::kUnknown;
  by_number[SYS_clone] = by_number[SYS_unshare] = Rule::kNoNamespaces;
  by_number[SYS_socket] = by_number[SYS_socketpair] = Rule::kPlainSockets;
  by_number[SYS_ioctl] = Rule::kNoTyping;
  return by_number;
}

// Numbers from `first` up to the next interval's.
struct Interval {
  std::uint32_t first;
  Rule rule;
};

std::vector<Interval> intervals() {
  std::vector<Interval> all = {{0, Rule::kAllow}};
  const auto add = [&](std::uint32_t first, Rule rule) {
    if (all.back().first == first)
      all.back().rule = rule;
    else
      all.push_back({first, rule});
  };
  for (const auto& [number, rule] : rules()) {
    add(number, rule);
    add(number + 1, Rule::kAllow);
  }
  add(kLastKnown + 1, Rule::kUnknown);
  return all;
}

Bpf tree(const Interval* begin, const Interval* end) {
  if (end - begin == 1) return code_of(begin->rule);
  const Interval* middle = begin + (end - begin) / 2;
  const Bpf below = tree(begin, middle);
  const Bpf above = tree(middle, end);
  CHECK(below.size() < 256);  // a jump's length is one byte
  Bpf code = {BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, middle->first,
                       static_cast<std::uint8_t>(below.size()), 0)};
  code.insert(code.end(), below.begin(), below.end());
  code.insert(code.end(), above.begin(), above.end());
  return code;
}

}  // namespace

std::vector<sock_filter> make_seccomp_filter() {
  Bpf code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0), refuse_with(ENOSYS),
              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const std::vector<Interval> all = intervals();
  const Bpf body = tree(all.data(), all.data() + all.size());
  code.insert(code.end(), body.begin(), body.end());
  return code;
}

Result<void> load_seccomp_filter(const std::vector<sock_filter>& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return sys_fail("load the filter of system calls");
  return {};
}

}  // namespace ionian::container
