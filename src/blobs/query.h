#pragma once
// The part of an address behind its question mark.
#include <charconv>
#include <map>
#include <string>
#include <string_view>

namespace ionian::blobs {

using Query = std::map<std::string, std::string, std::less<>>;

inline Query query_of(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos)
      query.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return query;
}

// 0 if it is not there.
template <class T>
T number_of(const Query& query, std::string_view name) {
  T n = 0;
  if (const auto it = query.find(name); it != query.end())
    std::from_chars(it->second.data(), it->second.data() + it->second.size(), n);
  return n;
}

}  // namespace ionian::blobs
