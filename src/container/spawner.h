#pragma once
// The server's handle on its spawner process, which makes and ends all containers.
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/outbox.h"

namespace ionian::container {

class ContainerSpec;
class ExecSpec;
class Overlay;
class SpawnerRequest;

struct SpawnerOptions {
  // Started as `executable spawner FD`; must end in run_spawner(FD).
  std::string executable = "/proc/self/exe";
  // A folder for the spawner alone, emptied at its start and at its end. Uppers that shall not
  // outlive a crash of everything belong below it.
  std::string run_dir;
  // Unique per data folder, 1..32 of [a-z0-9_-]: cgroups, bridge and nft table are named after it.
  std::string name;
  // "ADDR:PORT" that containers may reach although default deny covers it.
  std::vector<std::string> allow_hosts;
  // Names the resolvers that containers' questions are relayed to.
  std::string resolver_file = "/etc/resolv.conf";
};

// Each may be empty, which is /dev/null.
struct Stdio {
  UniqueFd in, out, err;
};

// Each launch leads to kFailed, or to kStarted and later kExited; one that is killed before it has
// started to kExited alone. Each exec leads to the same three.
struct ContainerEvent {
  enum Kind {
    kStarted,
    kFailed,
    kExited,
    kBecame,
    kExecStarted,
    kExecFailed,
    kExecExited,
    kExchanged,
    kPong,  // of no container
  };

  std::string id;
  Kind kind = kFailed;
  // kStarted: the program runs.
  pid_t pid = -1;  // of the container's init, as the host counts
  UniqueFd pidfd;  // of the same
  UniqueFd netns;  // for listen_in() and udp_in(); close it with the container
  // kExited: how the program ended; the whole tree is gone.
  int exit_code = 0;
  int signal = 0;  // not 0: ended by it
  bool oom_killed = false;
  std::uint64_t peak_memory_bytes = 0;
  // kExited with keep_upper: the folder, also where a disk bound put it on a file system without a
  // name, which is gone when this is closed. Files belong to id_base + plain id.
  UniqueFd upper;
  // kStarted and kExited: what the host's file system shows for the container's root.
  std::uint32_t id_base = 0;
  // kFailed, kExecFailed, and kBecame where it is not empty: it did not, and should be killed.
  // kExchanged, where it is not empty: the old overlay is still there, ...
  std::string error;
  bool busy = false;          // ... because files in it are open
  bool not_copied = false;    // kFailed: its zygote made no copy for it
  bool of_machine = false;    // kFailed: before it was, for want of what any would need
  bool not_runnable = false;  // kExecFailed: there is no such program, or it may not be run
  UniqueFd terminal;          // kExecStarted: our end of it
};

class Spawner {
 public:
  // Returns when the spawner has removed the orphans of a
  // former life of this name and can work.
  //   errors   FAILED_PRECONDITION what the machine or the caller's rights lack · UNAVAILABLE it
  //   did not start
  static Result<std::unique_ptr<Spawner>> start(SpawnerOptions options);
  // Ends it: all containers are killed, everything it made is removed. Waits for that.
  ~Spawner();
  // Another process in the place of one that has died; it first removes what that one has left.
  // Then fd() is a new one. From the thread that reads the events, while nobody else calls.
  //   errors   as start()
  Result<void> restart();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // These only send, and never wait, from the thread that reads the events; what comes of it is an
  // event. A container that does not exist (any more) is no error. INVALID_ARGUMENT: a spec over
  // 32 MiB. UNAVAILABLE: the spawner is dead.
  Result<void> launch(const ContainerSpec& spec, Stdio stdio);
  Result<void> kill_tree(const std::string& id);
  // Makes a running container another one, of the same id, network and user, and with the same
  // binds: it gets the layers, the upper, the files, the working folder and the limits of `spec`.
  // Its program goes on, with the new root as its working folder if it stood in the old one.
  // Leads to kBecame, unless the container ends first.
  Result<void> become(const ContainerSpec& spec);
  // Puts an overlay in the place of the one that a running container has at its target. Leads to
  // kExchanged, unless the container ends first. One at a time for a container.
  Result<void> exchange(const std::string& id, const Overlay& overlay);
  // To the program, by way of the container's init.
  Result<void> signal(const std::string& id, int signo);

  // One more program in a running container; the events carry the id of the spec, not the
  // container's. It ends with the container, and before its end is told.
  Result<void> exec(const ExecSpec& spec, Stdio stdio);
  // To the program and what it has started.
  Result<void> signal_exec(const std::string& id, int signo);

  // Leads to kPong once all that was asked before has begun.
  Result<void> ping();

  // What was asked so far, pings not counted.
  std::uint64_t requests() const { return requests_; }
  // Something is still to be sent: when fd() can be written to, call flush().
  bool wants_to_send() const { return !outbox_.empty(); }
  Result<void> flush() { return outbox_.flush(socket_.get()); }

  // Readable when read_events() has something to say.
  int fd() const { return socket_.get(); }
  // What has happened since the last call, without waiting. UNAVAILABLE: the spawner has died, and
  // its containers with it.
  Result<std::vector<ContainerEvent>> read_events();

  // Empty, or why containers have no network here.
  const std::string& network_warning() const { return network_warning_; }
  pid_t pid() const { return pid_; }

 private:
  explicit Spawner(SpawnerOptions options) : options_(std::move(options)) {}
  Result<void> spawn();
  Result<void> configure();
  Result<void> ask(const SpawnerRequest& request, std::vector<UniqueFd> fds = {});
  Result<void> send(const SpawnerRequest& request, std::vector<UniqueFd> fds = {});

  const SpawnerOptions options_;
  UniqueFd socket_;
  Outbox outbox_;
  std::uint64_t requests_ = 0;
  pid_t pid_ = -1;
  std::string network_warning_;
};

}  // namespace ionian::container
