#include "gateway/pages/static_files.h"

#include <array>

#include "base/result.h"
#include "blobs/hash.h"

namespace ionian::gateway::pages {
namespace {

StaticFile hashed(std::string_view name, std::string type, std::string_view content) {
  const std::size_t dot = name.find('.');
  const std::string hash = blobs::sha256_hex(content).substr(0, 12);
  return {name, cat("/static/", name.substr(0, dot), '.', hash, name.substr(dot)), std::move(type),
          content};
}

const std::array<StaticFile, 3>& files() {
  static const std::array<StaticFile, 3> all = {
      hashed("ionian.css", "text/css; charset=utf-8", kStyleSheet),
      hashed("ionian.js", "text/javascript; charset=utf-8", kScript),
      hashed("logo.svg", "image/svg+xml", kLogo)};
  return all;
}

}  // namespace

const StaticFile* find_static(std::string_view path) {
  for (const StaticFile& file : files())
    if (file.path == path) return &file;
  return nullptr;
}

const std::string& static_path(std::string_view name) {
  for (const StaticFile& file : files())
    if (file.name == name) return file.path;
  static const std::string none;
  return none;
}

}  // namespace ionian::gateway::pages
