#include "container/user.h"

#include <charconv>
#include <optional>

namespace ionian::container {
namespace {

// Ids of a container: those that are mapped.
constexpr unsigned kIdMax = 65'535;
constexpr std::size_t kGroupsMax = 1'000;

// Fields of "a:b:c"; what is missing is empty.
std::vector<std::string_view> split(std::string_view line, char at) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = line.find(at);
    fields.push_back(line.substr(0, end));
    if (end == line.npos) return fields;
    line.remove_prefix(end + 1);
  }
}

std::optional<unsigned> number_of(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Entry {
  std::string_view name;
  unsigned id = 0;
  std::vector<std::string_view> fields;
};

// The first line of a list whose name or id is the one asked for; lines that make no sense are
// passed over, as the C library does.
template <class Accept>
std::optional<Entry> find_entry(std::string_view list, std::size_t fields_min, Accept accept) {
  while (!list.empty()) {
    const std::string_view line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(list.size(), line.size() + 1));
    Entry entry{.fields = split(line, ':')};
    if (entry.fields.size() < fields_min || entry.fields[0].empty()) continue;
    const std::optional<unsigned> id = number_of(entry.fields[2]);
    if (!id || *id > kIdMax) continue;
    entry.name = entry.fields[0];
    entry.id = *id;
    if (accept(entry)) return entry;
  }
  return std::nullopt;
}

Result<unsigned> checked_id(std::string_view kind, unsigned id) {
  if (id > kIdMax)
    return fail(Code::kInvalidArgument, kind, " ", id, " is beyond ", kIdMax,
                ", the last id that a container has");
  return id;
}

Result<gid_t> find_group(std::string_view wanted, std::string_view list) {
  const auto named = find_entry(list, 3, [&](const Entry& entry) { return entry.name == wanted; });
  if (named) return named->id;
  if (const auto number = number_of(wanted)) return checked_id("group", *number);
  return fail(Code::kInvalidArgument, "the image has no group '", wanted,
              "' (in /etc/group): make it before the USER line, or give its number");
}

std::vector<gid_t> groups_of(std::string_view user, gid_t primary, std::string_view list) {
  std::vector<gid_t> groups;
  find_entry(list, 4, [&](const Entry& entry) {
    for (const std::string_view member : split(entry.fields[3], ','))
      if (member == user && entry.id != primary) groups.push_back(entry.id);
    return groups.size() >= kGroupsMax;
  });
  return groups;
}

}  // namespace

Result<User> find_user(std::string_view wanted, std::string_view passwd, std::string_view group) {
  const std::size_t colon = wanted.find(':');
  const std::string_view name = wanted.substr(0, colon);
  const std::string_view wanted_group =
      colon == wanted.npos ? std::string_view() : wanted.substr(colon + 1);
  const std::optional<unsigned> number = number_of(name);
  auto entry = find_entry(passwd, 4, [&](const Entry& e) { return e.name == name; });
  if (!entry && number)
    entry = find_entry(passwd, 4, [&](const Entry& e) { return e.id == *number; });
  User user;
  if (entry) {
    user.uid = entry->id;
    if (const auto primary = number_of(entry->fields[3]); primary && *primary <= kIdMax)
      user.gid = *primary;
    if (entry->fields.size() > 5) user.home = entry->fields[5];
  } else if (number) {
    ASSIGN_OR_RETURN(user.uid, checked_id("user", *number));
  } else {
    return fail(Code::kInvalidArgument, "the image has no user '", name,
                "' (in /etc/passwd): make it before the USER line, or give its number");
  }
  if (!wanted_group.empty()) {
    ASSIGN_OR_RETURN(user.gid, find_group(wanted_group, group));
  } else if (entry) {
    user.groups = groups_of(entry->name, user.gid, group);
  }
  return user;
}

}  // namespace ionian::container
