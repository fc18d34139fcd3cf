#include "client/config_file.h"

#include <algorithm>
#include <tuple>

// toml++ asserts, and in a release build assumes, what a broken file does not keep ("[" at the end
// of a line); behind each such place it has the right error, which this lets through.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "client/config_edit.h"

namespace ionian::client {
namespace {

FileValue value_of(const toml::node& node) {
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (node.is_array()) return OtherValue{"a list"};
  if (node.is_table()) return OtherValue{"a table"};
  return OtherValue{"a date or time"};
}

std::string describe(const toml::node& node) {
  if (node.is_string()) return "a text";
  if (node.is_array()) return "a list";
  if (node.is_boolean()) return "a boolean";
  return node.is_number() ? "a number" : "a date or time";
}

std::string place(const std::string& path, const toml::source_position& at) {
  return cat(path, ": line ", at.line, ", column ", at.column, ": ");
}

// toml++ sorts by name; what people see is the order of the file.
std::vector<std::pair<const toml::key*, const toml::node*>> in_file_order(
    const toml::table& table) {
  std::vector<std::pair<const toml::key*, const toml::node*>> out;
  for (auto it = table.cbegin(); it != table.cend(); ++it)
    out.emplace_back(&it->first, &it->second);
  std::ranges::sort(out, {}, [](const auto& pair) {
    return std::tuple(pair.first->source().begin.line, pair.first->source().begin.column);
  });
  return out;
}

Profile profile_of(const toml::key& name, const toml::table& table) {
  Profile profile{.name = std::string(name.str()),
                  .line = static_cast<int>(name.source().begin.line),
                  .entries = {}};
  for (const auto& [key, node] : in_file_order(table))
    profile.entries.push_back(
        {std::string(key->str()), value_of(*node), static_cast<int>(key->source().begin.line)});
  return profile;
}

void set_only_active(toml::table& root, std::string_view chosen) {
  for (auto&& [name, node] : root) {
    toml::table* profile = node.as_table();
    if (!profile) continue;
    profile->erase("active");
    if (name == chosen) profile->insert_or_assign("active", true);
  }
}

}  // namespace

const Entry* Profile::find(std::string_view key) const {
  const auto it = std::ranges::find(entries, key, &Entry::key);
  return it == entries.end() ? nullptr : &*it;
}

bool Profile::active() const {
  const Entry* entry = find("active");
  const bool* value = entry ? std::get_if<bool>(&entry->value) : nullptr;
  return value && *value;
}

const Profile* ConfigFile::find(std::string_view name) const {
  const auto it = std::ranges::find(profiles, name, &Profile::name);
  return it == profiles.end() ? nullptr : &*it;
}

Result<ConfigFile> parse_config(std::string_view text, const std::string& path) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail(Code::kInvalidArgument, place(path, error.source().begin), error.description());
  }
  ConfigFile file;
  for (const auto& [key, node] : in_file_order(root)) {
    if (!node->is_table())
      return fail(Code::kInvalidArgument, place(path, key->source().begin), "`", key->str(),
                  "` is ", describe(*node),
                  ", but the file must hold one table for each profile, as in [", key->str(), "]");
    file.profiles.push_back(profile_of(*key, *node->as_table()));
  }
  return file;
}

bool is_edit_of(std::string_view before, std::string_view after, const ConfigEdit& edit) {
  try {
    toml::table wanted = toml::parse(before), found = toml::parse(after);
    for (const auto& [key, value] : edit.settings) {
      wanted.insert(edit.profile, toml::table{});
      if (toml::table* profile = wanted[edit.profile].as_table())
        profile->insert_or_assign(key, value);
    }
    if (edit.activate) {
      wanted.insert(*edit.activate, toml::table{});
      set_only_active(wanted, *edit.activate);
      // A line that keeps its comment says `active = false`, which means the same as none.
      for (auto&& [name, node] : found)
        if (node.is_table() && (*node.as_table())["active"] == false)
          node.as_table()->erase("active");
    }
    return wanted == found;
  } catch (const toml::parse_error&) {
    return false;
  }
}

}  // namespace ionian::client
