#pragma once
// What can be said of a spec before anything is made.
#include "base/result.h"
#include "container/spec.pb.h"

namespace ionian::container {

// Its own user may write where the root of the tree is the container's.
bool open_to_all(const ContainerSpec& spec);

// INVALID_ARGUMENT for one that makes no sense: no program, no layer, a path that is not absolute,
// an id that is no name of a file.
Result<void> check_spec(const ContainerSpec& spec);

}  // namespace ionian::container
