#include "store/overrides.h"

namespace ionian::store {

void set_override(Tx& tx, const FunctionId& function, const Override& set) {
  tx.db().run(
      "INSERT OR REPLACE INTO autoscaler_overrides (function, setting, value, set_by, set_at)"
      " VALUES (?, ?, ?, ?, ?)",
      function, set.setting, set.value, set.set_by, set.set_at);
}

std::vector<Override> list_overrides(View& view, const FunctionId& function) {
  std::vector<Override> list;
  Rows rows = view.db().query(
      "SELECT setting, value, set_by, set_at FROM autoscaler_overrides WHERE function = ?",
      function);
  while (rows.next())
    list.push_back({.setting = rows.text(0),
                    .value = static_cast<std::uint32_t>(rows.number(1)),
                    .set_by = rows.text(2),
                    .set_at = rows.time(3)});
  return list;
}

void remove_overrides(Tx& tx, const FunctionId& function) {
  tx.db().run(
      "DELETE FROM autoscaler_overrides WHERE function = ?1"
      " OR function IN (SELECT id FROM function_variants WHERE base = ?1)",
      function);
}

}  // namespace ionian::store
