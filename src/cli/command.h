#pragma once
// Commands of the `ionian` program: one file and one page each. The page (NAME.md) is what --help
// shows. Their options are described here without the library that reads them (CLI11), whose
// headers cost each file that includes them four seconds of compiling: command.cc hands them over.
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ionian::cli {

// An option or a positional argument of a command.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required();
  Option show_default();  // what its variable holds now, in --help
  Option expected(int values);
  // Other values are refused with a message that names the option and what it takes.
  Option range(std::int64_t least, std::int64_t most);
  Option one_of(const std::vector<std::string>& words);
  Option hide();  // works, but is not listed

 private:
  CLI::Option* option_;
};

// A command or a group of commands. A handle: copies stand for the same command.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  Command add_subcommand(const std::string& name, const std::string& description) const;
  // One of its commands must be given.
  void require_subcommand() const;
  // With dashes an option, without a positional argument. `into` is written when the command line
  // is read and must live as long as the command.
  Option add_option(const std::string& name, std::string& into, const std::string& help = "") const;
  Option add_option(const std::string& name, std::vector<std::string>& into,
                    const std::string& help = "") const;
  Option add_option(const std::string& name, std::optional<std::string>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, int& into, const std::string& help) const;
  Option add_option(const std::string& name, std::uint32_t& into, const std::string& help) const;
  Option add_option(const std::string& name, std::int64_t& into, const std::string& help) const;
  Option add_option(const std::string& name, std::uint64_t& into, const std::string& help) const;
  Option add_option(const std::string& name, std::optional<std::uint64_t>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, std::function<void(unsigned)> take,
                    const std::string& help) const;
  Option add_flag(const std::string& name, bool& into, const std::string& help = "") const;
  // --version, which prints `text` and ends the program.
  void version_flag(const std::string& text) const;
  // Shown by --help below the options.
  void footer(std::string_view page) const;
  // What it does, once all of the command line is read. Throws Exit to end the program, after
  // having said why on stderr.
  void callback(std::function<void()> action) const;
  // Works, but is not listed.
  void hide() const;

  const CLI::App& tree() const { return *app_; }

 private:
  CLI::App* app_;
};

// Ends the program; what there is to say has been said.
struct Exit {
  int code;
};
// The command line is wrong: said on stderr with a word on --help, exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Reads the command line and runs the command that it names; the program's exit code.
// `add_commands` describes all there are; `words` makes them of argv and may throw UsageError.
int run_program(const std::string& description, std::string_view footer,
                const std::function<void(Command)>& add_commands,
                const std::function<std::vector<std::string>()>& words);

// Each adds itself below `app`.
void add_serve(Command app);
void add_admin(Command app);
void add_image(Command app);
void add_trace(Command app);
void add_config(Command app);
void add_profile(Command app);
void add_token(Command app);
void add_version(Command app);
void add_setup(Command app);
void add_environment(Command app);
void add_workspace(Command app);
void add_doctor(Command app);
void add_completion(Command app);
void add_manual(Command app);

// Says "Error: …" on stderr and ends the command with exit code 1.
[[noreturn]] void die(std::string_view message);

}  // namespace ionian::cli
