#include "gateway/pages/static_files.h"

#include <array>

#include "base/cat.h"
#include "blobs/hash.h"

namespace ionian::gateway::pages {
namespace {

std::string hashed(std::string_view stem, std::string_view extension, std::string_view content) {
  return cat("/static/", stem, '.', blobs::sha256_hex(content).substr(0, 12), '.', extension);
}

const std::array<StaticFile, 2>& files() {
  static const std::array<StaticFile, 2> all = {StaticFile{hashed("ionian", "css", kStyleSheet), "text/css; charset=utf-8", kStyleSheet},
                                                StaticFile{hashed("logo", "svg", kLogo), "image/svg+xml", kLogo}};
  return all;
}

}  // namespace

const StaticFile* find_static(std::string_view path) {
  for (const StaticFile& file : files())
    if (file.path == path) return &file;
  return nullptr;
}

std::string static_path(std::string_view name) { return files()[name == "logo.svg"].path; }

}  // namespace ionian::gateway::pages
