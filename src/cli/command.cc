#include "cli/command.h"

#include <iostream>

namespace ionian::cli {

void die(std::string_view message) {
  std::cerr << "Error: " << message << "\n";
  throw CLI::RuntimeError(1);
}

}  // namespace ionian::cli
