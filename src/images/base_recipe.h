#pragma once
// Base images without a registry: Debian's own packages, put together by mmdebstrap.
#include <atomic>
#include <optional>
#include <string>

#include "base/result.h"
#include "images/host_settings.h"
#include "images/image.h"

namespace ionian::images {

struct Recipe {
  std::string suite;   // "bookworm"
  std::string python;  // "3.11", or "" for plain Debian

  std::string name() const { return python.empty() ? suite : cat(suite, "-python", python); }
};

// "docker.io/library/python:3.11" -> "python:3.11"; a name without a tag gets ":latest".
std::string short_tag(std::string_view tag);

// The recipe for a tag such as "python:3.11.12-slim-bookworm", "python:3.13-slim",
// "debian:12-slim"; nothing if Debian has no such Python.
std::optional<Recipe> recipe_for(std::string_view tag);
// What recipe_for() knows, for the message about a tag that it does not.
std::string recipes_at_hand();

// Makes the root file system as FOLDER/<name>.tar.zst and returns its path; found there, it is
// taken as it is. About 30 s and 100 MB of download the first time. The build log gets mmdebstrap's
// words.
//   errors  FAILED_PRECONDITION mmdebstrap failed · NOT_FOUND it is not installed · CANCELLED
Result<std::string> make_root_file_system(const Recipe& recipe, const HostSettings& host,
                                          const std::string& folder, BuildLog& log,
                                          const std::atomic<bool>& cancelled);

// Variables and commands as the images of that name have them.
ImageConfig config_of(const Recipe& recipe);

}  // namespace ionian::images
