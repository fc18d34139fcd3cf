#pragma once
// What containers need of the machine and of the caller's rights, tried once before there is any,
// so that what is missing is said at the start and not at somebody's first call.
#include <string>

#include "base/result.h"

namespace ionian::container {

// Root, with the rights that containers are made with, and not in a user namespace.
// FAILED_PRECONDITION with what is missing and the mend.
Result<void> check_rights();

// Makes a user namespace and stacks two empty layers under `folder`, as every container does. After
// the caller has left the mounts of the host. FAILED_PRECONDITION as above.
Result<void> check_kernel(const std::string& folder);

}  // namespace ionian::container
