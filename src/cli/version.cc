#include <iostream>

#include "base/cat.h"
#include "cli/command.h"
#include "cli/pages.h"
#include "server/version.h"

namespace ionian::cli {

void add_version(Command app) {
  Command command = app.add_subcommand("version", "Print the version");
  command.footer(kVersionPage);
  command.callback([] { std::cout << "ionian " << server::kVersion << "\n"; });
  app.version_flag(cat("ionian ", server::kVersion));
}

}  // namespace ionian::cli
