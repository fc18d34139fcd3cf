// The `ionian` program: the server, its spawner, and the command line.
#include <absl/synchronization/mutex.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/core_files.h"
#include "cli/command.h"
#include "cli/settings.h"
#include "container/served.h"
#include "container/spawner_process.h"

namespace {

void add_commands(ionian::cli::Command app) {
  ionian::cli::add_serve(app);
  ionian::cli::add_admin(app);
  ionian::cli::add_image(app);
  ionian::cli::add_trace(app);
  ionian::cli::add_config(app);
  ionian::cli::add_profile(app);
  ionian::cli::add_token(app);
  ionian::cli::add_setup(app);
  ionian::cli::add_environment(app);
  ionian::cli::add_workspace(app);
  ionian::cli::add_doctor(app);
  ionian::cli::add_completion(app);
  ionian::cli::add_manual(app);
  ionian::cli::add_version(app);
}

constexpr std::string_view kFooter =
    "--profile NAME, anywhere on the command line, chooses a profile of ~/.modal.toml for the "
    "command.";

}  // namespace

int main(int argc, char** argv) {
  // The server starts itself again under this name, before it has any thread, to make its
  // containers.
  if (argc == 3 && std::string_view(argv[1]) == "spawner") {
    int fd = -1;
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), fd);
    ionian::forbid_core_files();
    return ionian::container::run_spawner(fd);
  }
  if (argc > 0 && ionian::container::is_fusermount(argv[0]))
    return ionian::container::run_fusermount(argc, argv);
  // Debian builds abseil with its lock-order checks on; they cost every lock that gRPC takes.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return ionian::cli::run_program("Ionian: run Modal programs on your own machine", kFooter,
                                  add_commands,
                                  [&] { return ionian::cli::take_profile(argc, argv); });
}
