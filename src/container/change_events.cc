#include "container/change_events.h"

#include <sys/wait.h>

namespace ionian::container {

SpawnerEvent started_event(const Container& container) {
  SpawnerEvent event;
  event.set_id(container.spec.id());
  event.mutable_started()->set_pid(container.pid);
  event.mutable_started()->set_id_base(container.ids.base);
  return event;
}

SpawnerEvent ended_event(const Container& container, int init_status) {
  SpawnerEvent event;
  const std::string& id = container.spec.id();
  event.set_id(id);
  if (!container.started) {
    std::string why = container.served_error;
    if (!why.empty() && !container.error.empty()) why += ": ";
    why += container.error;
    event.set_failed(why.empty() ? cat("container ", id, " was killed at its start")
                                 : cat("start container ", id, ": ", why));
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
