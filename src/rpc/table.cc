#include "rpc/table.h"

namespace ionian::rpc {

const Method* Table::find(std::string_view path) const {
  const auto it = methods_.find(path);
  return it == methods_.end() ? nullptr : &it->second;
}

Method& Table::insert(Method method) {
  CHECK(method.room != nullptr);
  auto [it, fresh] = methods_.emplace(method.path, std::move(method));
  CHECK(fresh);
  return it->second;
}

}  // namespace ionian::rpc
