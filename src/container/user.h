#pragma once
// Who a container's program runs as, by the container's own lists of users and groups.
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ionian::container {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // beside gid
  std::string home;           // "" if no list names the user
};

// `wanted` is what USER says in a Dockerfile: NAME or number, then perhaps `:` and a group's NAME
// or number. A number that no list has is taken as it is, with group 0; a name that none has is
// INVALID_ARGUMENT. `passwd` and `group` are the contents of those files.
Result<User> find_user(std::string_view wanted, std::string_view passwd, std::string_view group);

}  // namespace ionian::container
