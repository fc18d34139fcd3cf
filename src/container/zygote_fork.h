#pragma once
#include "container/zygote.h"

namespace ionian::container {

// Runs in a child of the spawner and never returns: has the zygote make a copy of itself in the
// namespaces of the container that waits, with the rights of any program there, and tells its init.
[[noreturn]] void make_copy(pid_t zygote, int control, const AwaitedFork& fork);

}  // namespace ionian::container
