#include "base/names_in.h"

#include <dirent.h>

namespace ionian {

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* dir = ::opendir(folder.c_str());
  while (const dirent* entry = dir ? ::readdir(dir) : nullptr)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  if (dir) ::closedir(dir);
  return names;
}

}  // namespace ionian
