#pragma once
// Containers as the spawner process holds them: made by start(), kept until their init is reaped.
#include <linux/filter.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/calm.h"
#include "container/cgroup.h"
#include "container/id_ranges.h"
#include "container/network_pool.h"
#include "container/spec.pb.h"
#include "container/upper.h"

namespace ionian::container {

struct AwaitedFork;

struct Container {
  ContainerSpec spec;
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd report;                    // packets of contain.h
  UniqueFd change;                    // the same, of the process that makes it another container
  UniqueFd control;                   // of a zygote: asks it for copies
  std::shared_ptr<AwaitedFork> fork;  // its program is still to come
  NetworkLease network;
  IdRange ids;
  Cgroup cgroup;
  Upper upper;
  std::string error;         // what init reported; the container then never started
  std::string owner;         // not empty: it serves a file system of the container of that id
  std::string served_error;  // what serves one of its own did not start, and why
  bool not_copied = false;   // ... because its zygote made no copy
  bool started = false;
  bool exchanging = false;  // `change` is of exchange()
  bool exited = false;
  int status = 0;  // wait status of the program, once exited
};

struct Exec;

// A program opens /dev/stdout again by name, for which the pipe must be its own. What is missing is
// /dev/null.
Result<void> give_stdio(std::vector<UniqueFd>& stdio, const IdRange& ids);

class Jail {
 public:
  // `run_dir` is an empty folder of ours.
  static Result<Jail> open(const std::string& run_dir, const std::string& name);

  // Has what the spec says served, in that order, its files owned by `ids`; `err` is for what the
  // servers say.
  using Serve = std::function<Result<std::vector<UniqueFd>>(const ContainerSpec& spec,
                                                            const IdRange& ids, int err)>;

  // INVALID_ARGUMENT for a spec that makes no sense; otherwise what the kernel refused. `network`
  // and `stdio` become the container's, unless it fails; a missing stdio is /dev/null.
  // With `zygote`, the program is to be a copy of that one's: the container is there with its init,
  // `fork` says what is to be brought, and its network namespace is a bare one.
  Result<std::unique_ptr<Container>> start(ContainerSpec spec, NetworkLease& network,
                                           std::vector<UniqueFd> stdio, const Serve& serve,
                                           const Container* zygote);
  // Has a process put `spec` in the place of what a running container is made of; its report comes
  // by `container.change`. The same id, network kind and user.
  //   errors   INVALID_ARGUMENT · what the kernel refused; the container is then of no use
  Result<void> become(Container& container, ContainerSpec spec);
  // One more program in a running container.   errors  INVALID_ARGUMENT · what the kernel refused
  Result<std::unique_ptr<Exec>> exec(const Container& container, const ExecSpec& spec,
                                     std::vector<UniqueFd> stdio) const;
  // Has a process put an overlay in the place of the one at its target; its report comes by
  // `container.change`.   errors   UNAVAILABLE it is just being changed · what the kernel refused
  Result<void> exchange(Container& container, const Overlay& overlay);
  // After its init is reaped. Adds the folders that are to be removed to `doomed`. False: a cgroup
  // is still in use, call again.
  bool clear(Container& container, std::vector<std::string>& doomed);

  // Makes something ahead of its need; false if there is nothing to make.
  bool refill(Stock stock);

 private:
  // What can be made before it is known for whom.
  struct Prepared {
    IdRange ids;
    UniqueFd dev, sys;
  };
  struct Mounts;
  Result<Prepared> prepare();
  Result<void> make_mounts(const Container& container, Mounts& mounts) const;
  Result<void> spawn(Container& container, const Mounts& mounts, const std::vector<UniqueFd>& stdio,
                     const Container* zygote) const;

  std::string run_dir_;
  CgroupTree cgroups_;
  IdRangePool ids_;
  std::vector<Prepared> ready_;
  DiskPool disks_;
  std::vector<sock_filter> seccomp_;
};

}  // namespace ionian::container
