#pragma once
// What a former life of the server has left to go on with.
#include "services/context.h"

namespace ionian::services {

// Brings apps that were not stopped back into the core, with their functions and the asynchronous
// calls that have work left. Clients that are still there go on with their heartbeats; apps whose
// client has gone meanwhile end as they would have. Before the loops run.
Result<void> restore_apps(const Context& c, Time now);

}  // namespace ionian::services
