#pragma once
// For how long what was deleted may come back.
#include <string>
#include <vector>

#include "base/clock.h"

namespace ionian::store {

struct KeepDeleted {
  Duration life = 7 * 24h;  // 0 = not at all
  bool secrets = false;     // them too
  // The kinds that go earlier where the disk is short: files give it room, records do not.
  std::vector<std::string> purged_early = {"volume", "nfs"};
};

}  // namespace ionian::store
