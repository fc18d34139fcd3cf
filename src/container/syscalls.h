#pragma once
// System calls that this libc has no function for, or a long one.
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

inline pid_t sys_clone3(clone_args& args) {
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}
inline int sys_pidfd_signal(int pidfd, int signo) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signo, nullptr, 0));
}
inline int sys_pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
inline int sys_pivot_root(const char* to, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, to, put_old));
}

// Readable when a signal of that kind has come.
inline int signalfd_of(int signo) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signo);
  return ::signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Whether the calling thread may use it now.
inline bool has_capability(int capability) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  return ::syscall(SYS_capget, &header, data) == 0 &&
         (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200  // since Linux 6.5; this libc's headers are older
#endif

// A name under which system calls that want a path find an open file.
inline std::string fd_path(int fd) { return cat("/proc/self/fd/", fd); }

}  // namespace ionian::container
