#pragma once
// What the spawner tells of itself and of its containers.
#include <optional>

#include "container/contain.h"
#include "container/jail.h"

namespace ionian::container {

SpawnerEvent ready_event(const Result<void>& ready, const std::string& network_warning);
SpawnerEvent pong_event();
// Before there was a process of it.
SpawnerEvent failed_event(const std::string& id, const Status& why);
SpawnerEvent started_event(const Container& container);
// What goes with it: a pidfd of its init, and its network namespace.
std::vector<UniqueFd> files_of_start(const Container& container);
// The upper, where it is kept.
std::vector<UniqueFd> files_of_end(Container& container);
// Its init has ended, with that status: what became of it.
SpawnerEvent ended_event(const Container& container, int init_status);
// What the process has reported that changes it; nothing: it still does.
std::optional<SpawnerEvent> read_change(Container& container);
// `said` and `rest` are what it reported.
SpawnerEvent became_event(const std::string& id, Report said, std::string_view rest);
SpawnerEvent exchanged_event(const std::string& id, Report said, std::string_view rest);
using ChangeEvent = SpawnerEvent (*)(const std::string&, Report, std::string_view);

}  // namespace ionian::container
