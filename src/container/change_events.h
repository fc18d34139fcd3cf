#pragma once
// What the spawner tells of a change of a running container.
#include "container/contain.h"

namespace ionian::container {

// `said` and `rest` are what the process reported that made the change.
SpawnerEvent became_event(const std::string& id, Report said, std::string_view rest);
SpawnerEvent exchanged_event(const std::string& id, Report said, std::string_view rest);

}  // namespace ionian::container
