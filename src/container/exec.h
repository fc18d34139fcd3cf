#pragma once
// One more program in a container that runs. A helper between the spawner and it enters the groups
// and namespaces, and ends; the program itself is the spawner's child, which reaps it, and dies
// with the container's init as everything inside does.
#include <linux/filter.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "container/jail.h"
#include "container/packet.h"

namespace ionian::container {

// What the helper and the program-to-be say to the spawner, a packet each. The end of the socket
// after none but the first two: the program runs.
enum class Said : char {
  kPid = 'P',          // then an int; with its pidfd
  kTerminal = 'T',     // with our end of it
  kError = 'E',        // then the text
  kNotRunnable = 'N',  // the same
};

// As the spawner process holds it, until it is reaped.
struct Exec {
  std::string id;
  pid_t pid = -1;  // as soon as it is known
  UniqueFd pidfd;
  UniqueFd report;
  UniqueFd terminal;
  std::string error;  // it does not run, and why
  bool not_runnable = false;
  bool started = false;
};

//   errors   what the kernel refused. Whatever else goes wrong is told by `report`
Result<std::unique_ptr<Exec>> start_exec(const Container& container, const CgroupDoor& door,
                                         const std::vector<sock_filter>& seccomp,
                                         const ExecSpec& spec, std::vector<UniqueFd> stdio);

// All of them, in the spawner's loop.
class Execs {
 public:
  using Send = std::function<void(SpawnerEvent, std::vector<UniqueFd>)>;
  using Watch = std::function<Result<void>(int fd, void* what)>;
  using Unwatch = std::function<void(int fd)>;
  Execs(Send send, Watch watch, Unwatch unwatch)
      : send_(std::move(send)), watch_(std::move(watch)), unwatch_(std::move(unwatch)) {}

  // `container` may be null: there is none (any more).
  void start(Jail& jail, const Container* container, ExecSpec spec, std::vector<UniqueFd> stdio);
  void signal(const std::string& id, int signo) const;
  // False: `what` is none of ours.
  bool on_report(void* what);
  // False: the child is none of ours.
  bool child_ended(pid_t pid, int status);

 private:
  Exec* find(pid_t pid) const;
  void read_reports();
  void read_report(Exec& exec);
  // Children that were forked meanwhile hold it open, so that closing it does not end its watch.
  void close_report(Exec& exec);
  void forget(const std::string& id);
  void fail(const std::string& id, std::string error, bool not_runnable);

  const Send send_;
  const Watch watch_;
  const Unwatch unwatch_;
  std::map<std::string, std::unique_ptr<Exec>> by_id_;
};

}  // namespace ionian::container
