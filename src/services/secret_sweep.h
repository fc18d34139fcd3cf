#pragma once
// Secrets without a name, which each run of a program makes anew, go when nobody needs them.
//
// One stays as long as a function, or a former version or a variant of one, has it whose app runs,
// or was stopped within a week. Else it goes a week after its app was stopped, or a month after its
// last use: a client may hold it for longer than it says.
#include "store/store.h"

namespace ionian::services {

inline constexpr Duration kSecretsOfStoppedAppsKept = 7 * 24h, kUnusedSecretKept = 30 * 24h;

void sweep_secrets(store::Store& store, Time now);

}  // namespace ionian::services
