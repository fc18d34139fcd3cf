#pragma once
// cat("app ", id, " has ", 3, " tasks"): text from parts, without streams and format strings.
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace ionian {
namespace internal {

inline void append_part(std::string& out, std::string_view text) { out += text; }
inline void append_part(std::string& out, char c) { out += c; }

// A template, because a plain bool parameter would also take every pointer.
template <std::same_as<bool> T>
void append_part(std::string& out, T b) {
  out += b ? "true" : "false";
}

template <class T>
  requires((std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>) ||
           std::floating_point<T>)
void append_part(std::string& out, T number) {
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  out.append(buffer, end);
}

// Ids and other types of ours say how they read in a text.
template <class T>
  requires requires(const T& t) {
    { t.str() } -> std::convertible_to<std::string_view>;
  }
void append_part(std::string& out, const T& value) {
  out += value.str();
}

}  // namespace internal

template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (internal::append_part(out, parts), ...);
  return out;
}

template <class... Parts>
void cat_to(std::string& out, const Parts&... parts) {
  (internal::append_part(out, parts), ...);
}

}  // namespace ionian
