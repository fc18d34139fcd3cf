#pragma once
// The entries of dicts. Keys are compared by their bytes. An entry that was not used since `alive`
// is there no more, whether or not it has been removed yet.
#include <set>
#include <span>
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct DictValue {
  std::string value;
  Time used_at;
};
struct DictRow {
  std::int64_t number = 0;
  std::string key, value;
  Time used_at;
};

std::optional<DictValue> find_entry(View& view, std::string_view dict, std::string_view key,
                                    Time alive);
// At most `max`.
std::int64_t count_entries(View& view, std::string_view dict, Time alive, std::int64_t max);
// Entries after the one with this number, in the order in which they came; ends before the one that
// would make it more than `bytes`, but not before the first.
struct DictPage {
  std::int64_t after = 0;
  std::size_t entries = 1000, bytes = 4 << 20;
  bool values = true;
};
std::vector<DictRow> list_entries(View& view, std::string_view dict, Time alive,
                                  const DictPage& page);

void put_entry(Tx& tx, std::string_view dict, std::string_view key, std::string_view value,
               Time now);
bool remove_entry(Tx& tx, std::string_view dict, std::string_view key);
void clear_dict(Tx& tx, std::string_view dict);
void note_use(Tx& tx, std::string_view dict, std::string_view key, Time now);
// By their numbers.
void note_uses(Tx& tx, std::span<const std::int64_t> entries, Time now);
// Of all dicts, at most `max`. Those of environments named in `kept_in` stay, and those that were
// in use when their dict was set aside.
void remove_unused_entries(Tx& tx, Time last_use_before, std::int64_t max,
                           const std::set<std::string>& kept_in, Time now);
// The dict is back, and the time in which nobody could use its entries does not count.
void resume_entries(Tx& tx, std::string_view dict, Time set_aside_at, Time now);

}  // namespace ionian::store
