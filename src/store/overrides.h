#pragma once
// What was set on a function's autoscaler while it is deployed.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Override {
  std::string setting;  // as modal.client.AutoscalerSettings names it
  std::uint32_t value = 0;
  std::string set_by;  // a principal; "" = a container
  Time set_at;
};

void set_override(Tx& tx, const FunctionId& function, const Override& set);
std::vector<Override> list_overrides(View& view, const FunctionId& function);
// Those of a function and of its variants.
void remove_overrides(Tx& tx, const FunctionId& function);

}  // namespace ionian::store
