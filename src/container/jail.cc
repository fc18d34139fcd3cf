#include "container/jail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "container/contain.h"
#include "container/exec.h"
#include "container/netns.h"
#include "container/rootfs.h"
#include "container/spec_check.h"
#include "container/syscalls.h"
#include "container/zygote.h"

namespace ionian::container {
namespace {

constexpr std::size_t kReady = 6;

bool provides(const ContainerSpec& spec, const std::string& path) {
  return std::ranges::any_of(spec.files(), [&](const File& f) { return f.path() == path; }) ||
         std::ranges::any_of(spec.binds(), [&](const Bind& b) { return b.target() == path; });
}

CgroupLimits limits_of(const ContainerSpec& spec) {
  return {.memory_bytes = spec.memory_bytes(),
          .cpu_milli = spec.cpu_milli(),
          .pids_max = spec.pids_max(),
          .asked_cpu_milli = spec.asked_cpu_milli(),
          .asked_memory_bytes = spec.asked_memory_bytes(),
          .background = spec.background()};
}

// Their lowers too, so that a child of the spawner is the last that closes them (rootfs.h).
Result<std::vector<Rootfs>> mount_overlays(const ContainerSpec& spec, const IdRange& ids) {
  std::vector<Rootfs> made;
  for (const Overlay& overlay : spec.overlays()) {
    ASSIGN_OR_RETURN(Rootfs each, mount_overlay(overlay, open_to_all(spec), ids));
    made.push_back(std::move(each));
  }
  return made;
}

void add_overlays(Plan& plan, const std::vector<Rootfs>& overlays) {
  for (std::size_t i = 0; i < overlays.size(); ++i)
    plan.mounts.push_back(
        {overlays[i].mount.get(), plan.spec->overlays(static_cast<int>(i)).target()});
}

// A pipe by which a child of the spawner tells what came of a change.
Result<UniqueFd> make_change(Container& container) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC | O_DIRECT) != 0) return sys_fail("make a pipe");
  container.change.reset(report[0]);
  ::fcntl(container.change.get(), F_SETFL, O_NONBLOCK);
  return UniqueFd(report[1]);
}

std::uint64_t namespaces_of(const ContainerSpec& spec) {
  std::uint64_t flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  if (!spec.zygote()) flags |= CLONE_NEWUSER | CLONE_NEWPID;
  // Who enters by the rights over the user namespace can enter only what belongs to that.
  if (!spec.forked_from().empty()) flags |= CLONE_NEWNET;
  return flags;
}

// From here on the container's own mounts hold its upper. Its last use, which writes back what is
// dirty, is then the container's and never this process's.
void let_go_of_upper(Container& container) {
  container.upper.work.reset();
  container.upper.filesystem.reset();
  if (!container.spec.keep_upper()) container.upper.upper.reset();
}

}  // namespace

Result<void> give_stdio(std::vector<UniqueFd>& stdio, const IdRange& ids) {
  stdio.resize(3);
  for (UniqueFd& fd : stdio) {
    if (!fd) fd.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0) return sys_fail("look at the container's files");
    const bool terminal = S_ISCHR(info.st_mode) && ::isatty(fd.get());
    if ((S_ISFIFO(info.st_mode) || terminal) && ::fchown(fd.get(), ids.base, ids.base) != 0)
      return sys_fail("give the container its files");
  }
  return {};
}

struct Jail::Mounts {
  Rootfs rootfs;
  std::vector<std::pair<UniqueFd, std::string>> into;
  std::vector<Rootfs> overlays;
  std::vector<UniqueFd> served;
};

Result<Jail> Jail::open(const std::string& run_dir, const std::string& name) {
  Jail jail;
  jail.run_dir_ = run_dir;
  jail.disks_ = DiskPool(run_dir);
  jail.seccomp_ = make_seccomp_filter();
  ASSIGN_OR_RETURN(jail.cgroups_, CgroupTree::open(name));
  TRY(make_folders(run_dir + "/root"));
  if (::chdir((run_dir + "/root").c_str()) != 0) return sys_fail(cat("enter ", run_dir, "/root"));
  TRY(make_folders(run_dir + "/hosts"));
  TRY(write_file(run_dir + "/resolv.conf", cat("nameserver ", kLocalAddress, "\n")));
  return jail;
}

Result<Jail::Prepared> Jail::prepare() {
  Prepared made;
  ASSIGN_OR_RETURN(made.ids, ids_.take());
  ASSIGN_OR_RETURN(made.sys, mount_sys(made.ids));
  ASSIGN_OR_RETURN(made.dev, mount_dev(made.ids));
  return made;
}

bool Jail::refill(Stock stock) {
  if (ready_.size() >= wanted(stock, kReady)) return disks_.refill(stock);
  Result<Prepared> made = prepare();
  if (made) ready_.push_back(std::move(*made));
  return made.has_value();
}

Result<void> Jail::make_mounts(const Container& container, Mounts& mounts) const {
  const ContainerSpec& spec = container.spec;
  const IdRange& ids = container.ids;
  const auto add = [&](Result<UniqueFd> mount, const std::string& target) -> Result<void> {
    if (!mount) return std::unexpected(mount.error());
    mounts.into.emplace_back(std::move(*mount), target);
    return {};
  };
  ASSIGN_OR_RETURN(mounts.rootfs,
                   mount_rootfs({.lowers = {spec.lowers().begin(), spec.lowers().end()},
                                 .upper = container.upper.upper.get(),
                                 .work = container.upper.work.get()},
                                ids));
  if (!provides(spec, "/etc/resolv.conf"))
    TRY(add(clone_mount(run_dir_ + "/resolv.conf", Access::kReadOnly, ids), "/etc/resolv.conf"));
  if (!provides(spec, "/etc/hosts")) {
    const std::string hosts = cat(run_dir_, "/hosts/", spec.id());
    const std::string& name = spec.hostname().empty() ? spec.id() : spec.hostname();
    TRY(write_file(hosts, cat("127.0.0.1 localhost\n127.0.1.1 ", name, "\n")));
    TRY(add(clone_mount(hosts, Access::kReadOnly, ids), "/etc/hosts"));
  }
  for (const Bind& bind : spec.binds()) {
    const Access access = bind.device()      ? Access::kDevice
                          : bind.read_only() ? Access::kReadOnly
                                             : Access::kReadWrite;
    TRY(add(clone_mount(bind.source(), access, ids), bind.target()));
  }
  ASSIGN_OR_RETURN(mounts.overlays, mount_overlays(spec, ids));
  return {};
}

Result<void> Jail::spawn(Container& container, const Mounts& mounts,
                         const std::vector<UniqueFd>& stdio, const Container* zygote) const {
  int maps[2], report[2];
  if (::pipe2(maps, O_CLOEXEC) != 0) return sys_fail("make a pipe");
  const UniqueFd maps_read(maps[0]);
  UniqueFd maps_write(maps[1]);
  if (::pipe2(report, O_CLOEXEC | O_DIRECT) != 0) return sys_fail("make a pipe");
  container.report.reset(report[0]);
  const UniqueFd report_write(report[1]);
  ::fcntl(container.report.get(), F_SETFL, O_NONBLOCK);

  Plan plan{.spec = &container.spec,
            .seccomp = &seccomp_,
            .maps_written = maps_read.get(),
            .report = report_write.get(),
            .stdio = {stdio[0].get(), stdio[1].get(), stdio[2].get()},
            .rootfs = mounts.rootfs.mount.get()};
  for (const UniqueFd& tasks : container.cgroup.v1_tasks) plan.v1_tasks.push_back(tasks.get());
  for (const auto& [mount, target] : mounts.into) plan.mounts.push_back({mount.get(), target});
  add_overlays(plan, mounts.overlays);
  for (std::size_t i = 0; i < mounts.served.size(); ++i)
    plan.mounts.push_back(
        {mounts.served[i].get(), container.spec.served(static_cast<int>(i)).target()});

  UniqueFd forker, control;
  if (container.spec.zygote()) {
    ASSIGN_OR_RETURN(control, make_control(container));
    plan.control = control.get();
  }
  if (zygote) {
    ASSIGN_OR_RETURN(forker, await_fork(container));
    plan.forker = forker.get();
  }
  int pidfd = -1;
  clone_args args{.flags = namespaces_of(container.spec) | CLONE_PIDFD,
                  .pidfd = reinterpret_cast<std::uintptr_t>(&pidfd),
                  .exit_signal = SIGCHLD};
  if (container.cgroup.v2) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(container.cgroup.v2.get());
  }
  const auto begin = [&]() -> Result<void> {
    container.pid = sys_clone3(args);
    if (container.pid < 0) return sys_fail("start a process in new namespaces");
    if (container.pid > 0) return {};
    maps_write.reset();
    container.spec.zygote() ? contain_zygote(plan, container.ids.base) : contain(plan);
  };
  TRY(zygote ? as_owner(zygote->ids.base, begin) : in_netns(container.network.netns.get(), begin));
  container.pidfd.reset(pidfd);
  Result<void> done = zygote ? look_up_netns(container) : Result<void>();
  if (done && !container.spec.zygote()) done = write_id_maps(container.pid, container.ids.base);
  if (done) done = write_all(maps_write.get(), "1");
  if (!done) {
    sys_pidfd_signal(pidfd, SIGKILL);
    ::waitpid(container.pid, nullptr, 0);
  }
  return done;
}

Result<std::unique_ptr<Container>> Jail::start(ContainerSpec spec, NetworkLease& network,
                                               std::vector<UniqueFd> stdio, const Serve& serve,
                                               const Container* zygote) {
  TRY(check_spec(spec));
  auto container = std::make_unique<Container>();
  container->spec = std::move(spec);
  container->network = std::move(network);
  const ContainerSpec& wanted = container->spec;
  if (ready_.empty()) {
    ASSIGN_OR_RETURN(Prepared made, prepare());
    ready_.push_back(std::move(made));
  }
  Prepared prepared = std::move(ready_.back());
  ready_.pop_back();
  container->ids = std::move(prepared.ids);
  const auto build = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(container->cgroup, cgroups_.create(wanted.id(), limits_of(wanted)));
    ASSIGN_OR_RETURN(container->upper, make_upper(wanted, container->ids, disks_));
    Mounts mounts;
    // Before the pipe of its errors becomes its own, for each server owns it for a moment.
    const int err = stdio.size() > 2 ? stdio[2].get() : -1;
    ASSIGN_OR_RETURN(mounts.served, serve(wanted, container->ids, err));
    TRY(give_stdio(stdio, container->ids));
    mounts.into.emplace_back(std::move(prepared.sys), "/sys");
    mounts.into.emplace_back(std::move(prepared.dev), "/dev");
    TRY(make_mounts(*container, mounts));
    TRY(spawn(*container, mounts, stdio, zygote));
    if (!zygote) return {};
    container->fork->stdio = std::move(stdio);
    // Opened as the zygote's user, by whom they may go: no other process can be moved by them.
    return as_owner(zygote->ids.base, [&]() -> Result<void> {
      ASSIGN_OR_RETURN(container->fork->door, cgroups_.open_door(container->cgroup));
      return {};
    });
  };
  if (Result<void> done = build(); !done) {
    network = std::move(container->network);
    std::vector<std::string> doomed;
    clear(*container, doomed);
    for (const std::string& folder : doomed) (void)remove_tree(folder);
    return prepend(cat("start container ", wanted.id()), done.error());
  }
  container->cgroup.v1_tasks.clear();
  container->cgroup.v2.reset();
  let_go_of_upper(*container);
  return container;
}

Result<void> Jail::become(Container& container, ContainerSpec spec) {
  TRY(check_spec(spec));
  if (!container.started || container.change || spec.id() != container.spec.id() ||
      spec.network() != container.spec.network() || spec.user() != container.spec.user() ||
      spec.keep_upper() || spec.binds_size() != container.spec.binds_size())
    return fail(Code::kInvalidArgument, "the one that waits has another network, user or mounts");
  container.exchanging = false;
  container.spec = std::move(spec);
  TRY(cgroups_.change(container.cgroup, limits_of(container.spec)));
  std::vector<std::string> former = std::move(container.upper.folders);
  ASSIGN_OR_RETURN(container.upper, make_upper(container.spec, container.ids, disks_));
  container.upper.folders.insert(container.upper.folders.end(), former.begin(), former.end());
  const std::vector<std::string> lowers(container.spec.lowers().begin(),
                                        container.spec.lowers().end());
  ASSIGN_OR_RETURN(const Rootfs rootfs, mount_rootfs({.lowers = lowers,
                                                      .upper = container.upper.upper.get(),
                                                      .work = container.upper.work.get()},
                                                     container.ids));
  ASSIGN_OR_RETURN(const std::vector<Rootfs> overlays,
                   mount_overlays(container.spec, container.ids));
  ASSIGN_OR_RETURN(const UniqueFd report, make_change(container));
  Plan plan{.spec = &container.spec, .report = report.get(), .rootfs = rootfs.mount.get()};
  add_overlays(plan, overlays);
  const pid_t pid = ::fork();
  if (pid < 0) {
    container.change.reset();
    return sys_fail("fork");
  }
  if (pid == 0) contain_anew(plan, container.pidfd.get());
  let_go_of_upper(container);
  return {};
}

Result<std::unique_ptr<Exec>> Jail::exec(const Container& container, const ExecSpec& spec,
                                         std::vector<UniqueFd> stdio) const {
  if (spec.args().empty() || spec.args(0).empty())
    return fail(Code::kInvalidArgument, "there is no program to run");
  ASSIGN_OR_RETURN(const CgroupDoor door, cgroups_.open_door(container.cgroup));
  return start_exec(container, door, seccomp_, spec, std::move(stdio));
}

Result<void> Jail::exchange(Container& container, const Overlay& overlay) {
  if (!container.started || container.change)
    return fail(Code::kUnavailable, "container ", container.spec.id(), " is just being changed");
  ASSIGN_OR_RETURN(const Rootfs made,
                   mount_overlay(overlay, open_to_all(container.spec), container.ids));
  ASSIGN_OR_RETURN(const UniqueFd report, make_change(container));
  container.exchanging = true;
  const pid_t pid = ::fork();
  if (pid < 0) {
    container.change.reset();
    return sys_fail("fork");
  }
  if (pid == 0)
    exchange_mount(made.mount.get(), overlay.target(), report.get(), container.pidfd.get());
  return {};
}

bool Jail::clear(Container& container, std::vector<std::string>& doomed) {
  if (!CgroupTree::remove(container.cgroup)) return false;
  ::unlink(cat(run_dir_, "/hosts/", container.spec.id()).c_str());
  doomed.insert(doomed.end(), container.upper.folders.begin(), container.upper.folders.end());
  ids_.give_back(std::move(container.ids));
  return true;
}

}  // namespace ionian::container
