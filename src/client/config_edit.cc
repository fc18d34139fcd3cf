#include "client/config_edit.h"

#include <algorithm>

#include "client/config_file.h"
#include "client/config_scan.h"

namespace ionian::client {
namespace {

using Path = std::vector<std::string>;

// Where a profile and one of its keys stand in a text.
struct Place {
  std::optional<Statement> key;   // the pair that sets it
  std::optional<Statement> last;  // [profile], or the last pair below it: a new line goes after it
  std::optional<Statement> dotted;  // the last `profile.x = …` before any header
  std::optional<Statement> braces;  // profile = { … }
  bool in_braces = false;           // `key` is a pair of it
};

Place find_place(std::string_view text, const std::string& profile, const std::string& key) {
  Place place;
  bool root = true, inside = false;
  for (const Statement& one : scan_toml(text)) {
    if (one.kind != Statement::Kind::kPair) {
      root = false;
      inside = one.kind == Statement::Kind::kHeader && one.path == Path{profile};
      if (inside) place.last = one;
    } else if (inside) {
      place.last = one;
      if (one.path == Path{key}) place.key = one;
    } else if (root && one.path.front() == profile) {
      if (one.path.size() == 1) place.braces = one;
      if (one.path.size() > 1) place.dotted = one;
      if (one.path == Path{profile, key}) place.key = one;
    }
  }
  if (!place.braces) return place;
  for (const Statement& one : scan_inline_table(text, place.braces->value))
    if (one.path == Path{key}) place.key = one, place.in_braces = true;
  return place;
}

std::string_view line_end(std::string_view text) {
  const std::size_t at = text.find('\n');
  return at != std::string_view::npos && at > 0 && text[at - 1] == '\r' ? "\r\n" : "\n";
}

void insert_line(std::string& text, const Statement& after, std::string_view line) {
  const std::string_view end = line_end(text);
  const bool open = after.end == 0 || text[after.end - 1] != '\n';
  const std::string indent =
      after.kind == Statement::Kind::kPair ? text.substr(after.begin, after.key - after.begin) : "";
  // A byte order mark is no indentation.
  const std::string blanks = indent.find_first_not_of(" \t") == std::string::npos ? indent : "";
  text.insert(after.end, cat(open ? end : "", blanks, line, end));
}

void append_profile(std::string& text, const std::string& profile, std::string_view line) {
  const std::string_view end = line_end(text);
  if (!text.empty() && text.back() != '\n') text += end;
  if (!text.empty()) text += end;
  cat_to(text, "[", toml_key(profile), "]", end, line, end);
}

void set_key(std::string& text, const std::string& profile, const std::string& key,
             const std::string& value) {
  const Place place = find_place(text, profile, key);
  const std::string line = cat(toml_key(key), " = ", value);
  if (place.key) {
    text.replace(place.key->value, place.key->value_end - place.key->value, value);
  } else if (place.braces) {
    const auto pairs = scan_inline_table(text, place.braces->value);
    if (pairs.empty())
      text.insert(place.braces->value + 1, cat(" ", line, " "));
    else
      text.insert(pairs.back().value_end, cat(", ", line));
  } else if (place.last) {
    insert_line(text, *place.last, line);
  } else if (place.dotted) {
    insert_line(text, *place.dotted, cat(toml_key(profile), ".", line));
  } else {
    append_profile(text, profile, line);
  }
}

// A line with a comment keeps it, and so its key; `profile.active = …` may be all that there is of
// a profile; any other line goes.
void deactivate(std::string& text, const std::string& profile) {
  const Place place = find_place(text, profile, "active");
  if (!place.key) return;
  if (place.in_braces || place.key->comment || place.key->path.size() > 1)
    text.replace(place.key->value, place.key->value_end - place.key->value, "false");
  else
    text.erase(place.key->begin, place.key->end - place.key->begin);
}

void apply(std::string& text, const ConfigEdit& edit, const ConfigFile& before) {
  for (const auto& [key, value] : edit.settings)
    set_key(text, edit.profile, key, toml_string(value));
  if (!edit.activate) return;
  for (const Profile& profile : before.profiles)
    if (profile.name != *edit.activate && profile.find("active")) deactivate(text, profile.name);
  const Profile* chosen = before.find(*edit.activate);
  if (!chosen || !chosen->active()) set_key(text, *edit.activate, "active", "true");
}

}  // namespace

std::string toml_key(std::string_view key) {
  const auto bare = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  };
  return !key.empty() && std::ranges::all_of(key, bare) ? std::string(key) : toml_string(key);
}

std::string toml_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      cat_to(out, "\\u00", kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

Result<std::string> edit_config(const std::string& text, const ConfigEdit& edit,
                                const std::string& path) {
  ASSIGN_OR_RETURN(const ConfigFile before, parse_config(text, path));
  std::string after = text;
  apply(after, edit, before);
  if (!is_edit_of(text, after, edit))
    return fail(Code::kInvalidArgument, path,
                " cannot be changed without rewriting other parts of it. Change it by hand");
  return after;
}

}  // namespace ionian::client
