#pragma once
// Removes many records, some hundreds a transaction: nobody else's write waits for all of them.
#include <algorithm>
#include <vector>

#include "store/store.h"

namespace ionian::services {

// Calls remove(tx, id) for each. Stops at the first error, with what is behind it removed.
template <class Id, class Remove>
Result<void> remove_each(store::Store& store, const std::vector<Id>& ids, const Remove& remove) {
  constexpr std::size_t kAtOnce = 500;
  for (std::size_t from = 0; from < ids.size(); from += kAtOnce)
    TRY(store.write_now([&](store::Tx& tx) -> Result<void> {
      for (std::size_t i = from; i < std::min(ids.size(), from + kAtOnce); ++i) remove(tx, ids[i]);
      return {};
    }));
  return {};
}

}  // namespace ionian::services
