#pragma once
// Style sheet, script and logo, embedded; their paths carry a hash of their content, so browsers
// keep them for a year.
#include <string>
#include <string_view>

namespace ionian::gateway::pages {

extern const std::string_view kStyleSheet, kScript, kLogo;

struct StaticFile {
  std::string_view name;  // "ionian.css"
  std::string path, type;
  std::string_view content;
};
const StaticFile* find_static(std::string_view path);
// "/static/ionian.3f2a….css"
const std::string& static_path(std::string_view name);

}  // namespace ionian::gateway::pages
