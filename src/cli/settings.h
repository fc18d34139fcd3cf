#pragma once
// What the commands that work with settings and servers share.
#include <string>
#include <vector>

#include "base/cat.h"
#include "cli/command.h"
#include "ionian/config.hpp"

namespace ionian::cli {

// The words of the command line without `--profile NAME`, which may stand anywhere before `--`; it
// chooses the profile for this process, as MODAL_PROFILE does. Ends the command with code 2 if NAME
// is missing.
std::vector<std::string> take_profile(int argc, char** argv);

// The variables that carry credentials and are set, as the official client names them.
std::vector<std::string> credential_variables();

// Whether `fd` is a terminal and NO_COLOR and TERM do not ask for plain text.
bool colour_wanted(int fd);

// "Warning: …" on stderr.
void warn(std::string_view message);

// Runs a command's action: first the warnings about the file of profiles; an Error of the library
// becomes "Error: …" and exit code 1.
template <class Action>
void run_with_settings(Action action) {
  try {
    for (const std::string& warning : config().warnings()) warn(warning);
    action();
  } catch (const Error& error) {
    die(error.what());
  }
}

}  // namespace ionian::cli
