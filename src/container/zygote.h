#pragma once
// Zygotes: programs that have loaded what many containers need, and of which each of these has a
// copy, made by fork(). See docs/decisions/2026-11-28-zygotes.md.
#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/cgroup.h"
#include "container/contain.h"
#include "container/spec.pb.h"

namespace ionian::container {

// Where its program is asked for copies.
inline constexpr int kRequests = 3;

struct Container;
class NetworkPool;

// The steps of a container's birth that only zygotes and their copies have; jail.cc takes them.
Result<void> as_owner(std::uint32_t id, const std::function<Result<void>()>& make);
Result<UniqueFd> await_fork(Container& container);
Result<void> look_up_netns(Container& container);
Result<UniqueFd> make_control(Container& container);

// Runs in the child of clone3 and never returns: the program in a file system of its own, without
// any right, as the user `id` of the host.
[[noreturn]] void contain_zygote(const Plan& plan, std::uint32_t id);

// A container whose init waits for a copy of a zygote's program.
struct AwaitedFork {
  pid_t init = -1;
  UniqueFd to_init;  // its end is Plan::forker
  std::vector<UniqueFd> stdio;
  CgroupDoor door;
  UniqueFd furnished;  // kFurnished comes by it, or another byte: there is no network
};

// What init and the process that brings its program say to each other, a packet each.
inline constexpr char kInitIsReady = 'R';  // init: the file system is there
inline constexpr char kProgramIs = 'P';    // then its number inside, an int
inline constexpr char kNoProgram = 'N';    // then the text

inline constexpr char kFurnished = 'F';

// All of them, in the spawner's loop: a zygote makes one copy at a time.
class Forks {
 public:
  // A zygote whose program runs. For each copy that it is to make, a packet with descriptors comes
  // by kRequests: the copy's three files, and others that it is to close.
  void add(const Container& zygote);
  bool has(const Container& zygote) const;
  // Nothing is copied of it any more; who waits for that hears so.
  void remove(const Container& zygote);
  // Gives a container that awaits its program a network, and has the program brought. If either
  // cannot be, its init ends, and container.error says why.
  void bring_program(Container& container, NetworkPool& network);
  // False: the child is none of ours. A zygote that made no copy when it was asked is killed, and
  // who waits for another one hears so at once.
  bool child_ended(pid_t pid, int status);

 private:
  struct Zygote {
    pid_t pid = -1;
    int control = -1;   // the container's
    pid_t helper = -1;  // makes a copy just now
    std::deque<AwaitedFork> waiting;
  };
  static void begin_next(Zygote& zygote);

  std::map<std::string, Zygote> zygotes_;
};

}  // namespace ionian::container
