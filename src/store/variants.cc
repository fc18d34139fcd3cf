#include "store/variants.h"

#define SELECT_VARIANT "SELECT id, base, key, params, options, created_at FROM function_variants"

namespace ionian::store {
namespace {

Variant read_variant(const Rows& rows) {
  return {.id = FunctionId(rows.text(0)),
          .base = FunctionId(rows.text(1)),
          .key = rows.text(2),
          .params = rows.text(3),
          .options = rows.text(4),
          .created_at = rows.time(5)};
}

std::optional<Variant> first_variant(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_variant(rows);
}

}  // namespace

void insert_variant(Tx& tx, const Variant& v, Time now) {
  tx.db().run(
      "INSERT INTO function_variants (id, base, key, params, options, created_at) VALUES (?, ?, ?, "
      "?, ?, ?)",
      v.id, v.base, v.key, Blob{v.params}, Blob{v.options}, now);
}

std::optional<Variant> find_variant(View& view, const FunctionId& id) {
  return first_variant(view.db().query(SELECT_VARIANT " WHERE id = ?", id));
}

std::optional<Variant> find_variant_by_key(View& view, const FunctionId& base,
                                           std::string_view key) {
  return first_variant(view.db().query(SELECT_VARIANT " WHERE base = ? AND key = ?", base, key));
}

std::optional<Function> find_function_or_base(View& view, const WorkspaceId& workspace,
                                              const FunctionId& id) {
  const auto variant = find_variant(view, id);
  return find_function(view, workspace, variant ? variant->base : id);
}

namespace {

std::vector<Variant> all(Rows rows) {
  std::vector<Variant> list;
  while (rows.next()) list.push_back(read_variant(rows));
  return list;
}

}  // namespace

std::vector<Variant> list_variants(View& view, const FunctionId& base) {
  return all(view.db().query(SELECT_VARIANT " WHERE base = ?", base));
}

std::vector<Variant> list_variants(View& view, const FunctionId& base, const VariantCursor& after,
                                   std::size_t most) {
  return all(view.db().query(SELECT_VARIANT " WHERE base = ? AND (created_at, id) < (?, ?)"
                                            " ORDER BY created_at DESC, id DESC LIMIT ?",
                             base, after.created_before, after.id, most));
}

}  // namespace ionian::store
