#pragma once
// Commands of the `ionian` program: one file and one page each. The page (NAME.md) is what --help
// shows.
#include <CLI/CLI.hpp>

#include <string_view>

namespace ionian::cli {

// Each adds itself below `app`; what it does runs in its callback, which throws
// CLI::RuntimeError(1) after having said why on stderr.
void add_serve(CLI::App& app);
void add_admin(CLI::App& app);
void add_image(CLI::App& app);
void add_trace(CLI::App& app);
void add_config(CLI::App& app);
void add_profile(CLI::App& app);
void add_token(CLI::App& app);
void add_version(CLI::App& app);
void add_setup(CLI::App& app);
void add_environment(CLI::App& app);
void add_workspace(CLI::App& app);
void add_doctor(CLI::App& app);
void add_completion(CLI::App& app);
void add_manual(CLI::App& app);

// Says "Error: …" on stderr and ends the command with exit code 1.
[[noreturn]] void die(std::string_view message);

}  // namespace ionian::cli
