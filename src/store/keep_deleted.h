#pragma once
// For how long what was deleted may come back.
#include "base/clock.h"

namespace ionian::store {

struct KeepDeleted {
  Duration life = 7 * 24h;  // 0 = not at all
  bool secrets = false;     // them too
};

}  // namespace ionian::store
