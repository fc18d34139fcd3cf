#include "cli/settings.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace ionian::cli {

std::vector<std::string> take_profile(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      words.insert(words.end(), argv + i, argv + argc);
      break;
    }
    if (word == "--profile" && i + 1 == argc)
      throw UsageError("--profile: 1 required NAME missing");
    if (word == "--profile")
      ::setenv("MODAL_PROFILE", argv[++i], 1);
    else if (word.starts_with("--profile="))
      ::setenv("MODAL_PROFILE", word.c_str() + std::string_view("--profile=").size(), 1);
    else
      words.push_back(word);
  }
  return words;
}

std::vector<std::string> credential_variables() {
  std::vector<std::string> set;
  for (const char* name :
       {"MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "MODAL_OAUTH_REFRESH_TOKEN",
        "MODAL_OAUTH_CLIENT_ID", "MODAL_OAUTH_CLIENT_SECRET", "MODAL_OAUTH_JWT_KEY"})
    if (const char* value = std::getenv(name); value && *value) set.emplace_back(name);
  return set;
}

bool colour_wanted(int fd) {
  const char* plain = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && !(plain && *plain) && !(term && std::string_view(term) == "dumb");
}

void warn(std::string_view message) { std::cerr << "Warning: " << message << "\n"; }

}  // namespace ionian::cli
