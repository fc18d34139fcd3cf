#include "store/dicts.h"

namespace ionian::store {

std::optional<DictValue> find_entry(View& view, std::string_view dict, std::string_view key,
                                    Time alive) {
  Rows rows = view.db().query(
      "SELECT value, used_at FROM dict_entries WHERE dict = ? AND key = ? AND used_at >= ?", dict,
      Blob{key}, alive);
  if (!rows.next()) return std::nullopt;
  return DictValue{.value = rows.text(0), .used_at = rows.time(1)};
}

std::int64_t count_entries(View& view, std::string_view dict, Time alive, std::int64_t max) {
  Rows rows = view.db().query(
      "SELECT count(*) FROM (SELECT 1 FROM dict_entries WHERE dict = ? AND used_at >= ? LIMIT ?)",
      dict, alive, max);
  return rows.next() ? rows.number(0) : 0;
}

std::vector<DictRow> list_entries(View& view, std::string_view dict, Time alive,
                                  const DictPage& page) {
  Rows rows = view.db().query(
      "SELECT number, key, CASE WHEN ? THEN value END, used_at FROM dict_entries WHERE number > ? "
      "AND dict = ? AND used_at >= ? ORDER BY number LIMIT ?",
      page.values, page.after, dict, alive, page.entries);
  std::vector<DictRow> found;
  std::size_t bytes = 0;
  while (bytes < page.bytes && rows.next()) {
    found.push_back({.number = rows.number(0),
                     .key = rows.text(1),
                     .value = rows.text(2),
                     .used_at = rows.time(3)});
    bytes += found.back().key.size() + found.back().value.size();
  }
  return found;
}

void put_entry(Tx& tx, std::string_view dict, std::string_view key, std::string_view value,
               Time now) {
  tx.db().run(
      "INSERT INTO dict_entries (dict, key, used_at, value) VALUES (?, ?, ?, ?) ON CONFLICT (dict, "
      "key) DO UPDATE SET used_at = excluded.used_at, value = excluded.value",
      dict, Blob{key}, now, Blob{value});
}

bool remove_entry(Tx& tx, std::string_view dict, std::string_view key) {
  return tx.db().run("DELETE FROM dict_entries WHERE dict = ? AND key = ?", dict, Blob{key}) > 0;
}

void clear_dict(Tx& tx, std::string_view dict) {
  tx.db().run("DELETE FROM dict_entries WHERE dict = ?", dict);
}

void note_use(Tx& tx, std::string_view dict, std::string_view key, Time now) {
  tx.db().run("UPDATE dict_entries SET used_at = ? WHERE dict = ? AND key = ?", now, dict,
              Blob{key});
}

void note_uses(Tx& tx, std::span<const std::int64_t> entries, Time now) {
  for (const std::int64_t number : entries)
    tx.db().run("UPDATE dict_entries SET used_at = ? WHERE number = ?", now, number);
}

void remove_unused_entries(Tx& tx, Time last_use_before, std::int64_t max,
                           const std::set<std::string>& kept_in, Time now) {
  std::vector<std::pair<std::int64_t, bool>> entries;
  {
    // What is set aside is in the environment where it was, whatever its record says.
    Rows rows = tx.db().query(
        "SELECT e.number, coalesce(d.place, v.name), e.used_at >= ?1 - ?2 + d.deleted_at FROM "
        "dict_entries e JOIN objects o ON o.id = e.dict JOIN environments v ON v.id = "
        "o.environment LEFT JOIN deleted d ON d.id = e.dict WHERE e.used_at < ?1 LIMIT ?3",
        last_use_before, now, max);
    while (rows.next())
      entries.emplace_back(rows.number(0), kept_in.contains(rows.text(1)) || rows.number(2) != 0);
  }
  // Those that stay count as used, so that they are not looked at again each time.
  for (const auto& [number, kept] : entries)
    if (kept)
      tx.db().run("UPDATE dict_entries SET used_at = ? WHERE number = ?", now, number);
    else
      tx.db().run("DELETE FROM dict_entries WHERE number = ?", number);
}

void resume_entries(Tx& tx, std::string_view dict, Time set_aside_at, Time now) {
  tx.db().run("UPDATE dict_entries SET used_at = min(used_at - ?1 + ?2, ?2) WHERE dict = ?3",
              set_aside_at, now, dict);
}

}  // namespace ionian::store
