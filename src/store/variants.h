#pragma once
// Variants of functions: a class with the parameters of one instance, or a function with options of
// its own. A variant has an id, a pool of containers, and nothing else of its own: what it is, it
// is by its base.
#include <vector>

#include "store/apps.h"

namespace ionian::store {

struct Variant {
  FunctionId id;
  FunctionId base;
  std::string key;      // of (params, options): one variant each
  std::string params;   // as the container gets them
  std::string options;  // serialized modal.client.FunctionOptions; "" = none
  Time created_at = {};
};

void insert_variant(Tx& tx, const Variant& variant, Time now);
std::optional<Variant> find_variant(View& view, const FunctionId& id);
std::optional<Variant> find_variant_by_key(View& view, const FunctionId& base,
                                           std::string_view key);
// The function of this id, or the base of the variant that has it.
std::optional<Function> find_function_or_base(View& view, const WorkspaceId& workspace,
                                              const FunctionId& id);
std::vector<Variant> list_variants(View& view, const FunctionId& base);
// The newest first, after one that was made at a time and has an id.
struct VariantCursor {
  Time created_before;
  FunctionId id;
};
std::vector<Variant> list_variants(View& view, const FunctionId& base, const VariantCursor& after,
                                   std::size_t most);

}  // namespace ionian::store
