#include "container/change_events.h"

namespace ionian::container {

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
