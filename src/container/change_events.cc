#include "container/change_events.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace ionian::container {

SpawnerEvent ready_event(const Result<void>& ready, const std::string& network_warning) {
  SpawnerEvent event;
  if (!ready) {
    event.mutable_ready()->set_error(ready.error().message);
    event.mutable_ready()->set_code(static_cast<int>(ready.error().code));
  }
  event.mutable_ready()->set_network_warning(network_warning);
  return event;
}

SpawnerEvent pong_event() {
  SpawnerEvent event;
  event.set_pong(true);
  return event;
}

SpawnerEvent failed_event(const std::string& id, const Status& why) {
  // What is wanted may be wrong, or its image is; anything else would have met any other as well.
  constexpr Code kOwn[] = {Code::kInvalidArgument, Code::kAlreadyExists, Code::kNotFound,
                           Code::kFailedPrecondition};
  SpawnerEvent event;
  event.set_id(id);
  event.set_failed(why.message);
  event.set_of_machine(std::ranges::find(kOwn, why.code) == std::end(kOwn));
  return event;
}

SpawnerEvent started_event(const Container& container) {
  SpawnerEvent event;
  event.set_id(container.spec.id());
  event.mutable_started()->set_pid(container.pid);
  event.mutable_started()->set_id_base(container.ids.base);
  return event;
}

std::vector<UniqueFd> files_of_start(const Container& container) {
  std::vector<UniqueFd> files;
  for (const UniqueFd* fd : {&container.pidfd, &container.network.netns})
    files.emplace_back(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 3));
  return files;
}

std::vector<UniqueFd> files_of_end(Container& container) {
  std::vector<UniqueFd> files;
  if (container.started && container.upper.upper) files.push_back(std::move(container.upper.upper));
  return files;
}

SpawnerEvent ended_event(const Container& container, int init_status) {
  SpawnerEvent event;
  const std::string& id = container.spec.id();
  event.set_id(id);
  // Killed from outside: that says nothing about the container, as little as when it runs.
  const bool killed = WIFSIGNALED(init_status) && container.owner.empty() &&
                      container.error.empty() && container.served_error.empty();
  if (!container.started && !killed) {
    std::string why = container.served_error;
    if (!why.empty() && !container.error.empty()) why += ": ";
    why += container.error;
    event.set_failed(cat("start container ", id, ": ", why.empty() ? "it was killed" : why));
    event.set_not_copied(container.not_copied);
    return event;
  }
  const int status = container.exited ? container.status : init_status;
  Exited& exited = *event.mutable_exited();
  if (WIFSIGNALED(status))
    exited.set_signal(WTERMSIG(status));
  else
    exited.set_exit_code(WEXITSTATUS(status));
  exited.set_oom_killed(container.cgroup.oom_killed());
  exited.set_peak_memory_bytes(container.cgroup.peak_memory_bytes());
  exited.set_id_base(container.ids.base);
  return event;
}

std::optional<SpawnerEvent> read_change(Container& container) {
  char packet[4096];
  const ssize_t n = ::read(container.change.get(), packet, sizeof packet);
  if (n < 0) return std::nullopt;
  const std::string& id = container.spec.id();
  const Report said = n > 0 ? static_cast<Report>(packet[0]) : Report::kError;
  const std::string_view rest = n > 0
                                    ? std::string_view(packet + 1, static_cast<std::size_t>(n) - 1)
                                    : "it was killed meanwhile";
  const bool exchanging = std::exchange(container.exchanging, false);
  return exchanging ? exchanged_event(id, said, rest) : became_event(id, said, rest);
}

SpawnerEvent became_event(const std::string& id, Report said, std::string_view rest) {
  SpawnerEvent event;
  event.set_id(id);
  Became& became = *event.mutable_became();
  if (said != Report::kBecame) became.set_error(cat("start container ", id, ": ", rest));
  return event;
}

SpawnerEvent exchanged_event(const std::string& id, Report said, std::string_view rest) {
  SpawnerEvent event;
  event.set_id(id);
  Exchanged& exchanged = *event.mutable_exchanged();
  if (said != Report::kExchanged) exchanged.set_error(cat("exchange a mount: ", rest));
  exchanged.set_busy(said == Report::kBusy);
  return event;
}

}  // namespace ionian::container
