#pragma once
// For the tests of this folder only.
#include <stdlib.h>

#include <string>

namespace ionian::images {

// Downloads and base images that survive between runs.
inline std::string cache_folder() {
  if (const char* set = ::getenv("IONIAN_CACHE"); set && *set) return set;
  const char* home = ::getenv("HOME");
  return std::string(home ? home : "/root") + "/.cache/ionian";
}

}  // namespace ionian::images
