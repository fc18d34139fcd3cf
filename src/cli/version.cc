#include <iostream>

#include "base/cat.h"
#include "cli/command.h"
#include "server/version.h"

namespace ionian::cli {

void add_version(CLI::App& app) {
  app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "ionian " << server::kVersion << "\n";
  });
  app.set_version_flag("--version", cat("ionian ", server::kVersion));
}

}  // namespace ionian::cli
