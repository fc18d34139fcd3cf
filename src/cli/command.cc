#include "cli/command.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace ionian::cli {

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option Option::expected(int values) {
  option_->expected(values);
  return *this;
}

Option Option::range(std::int64_t least, std::int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option Option::hide() {
  option_->group("");
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

Option Command::add_option(const std::string& name, std::string& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::vector<std::string>& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::optional<std::string>& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, int& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::uint32_t& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::int64_t& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::uint64_t& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::optional<std::uint64_t>& into,
                           const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::add_option(const std::string& name, std::function<void(unsigned)> take,
                           const std::string& help) const {
  return Option(app_->add_option_function<unsigned>(name, std::move(take), help));
}

Option Command::add_flag(const std::string& name, bool& into, const std::string& help) const {
  return Option(app_->add_flag(name, into, help));
}

void Command::version_flag(const std::string& text) const {
  app_->set_version_flag("--version", text);
}

void Command::footer(std::string_view page) const { app_->footer(std::string(page)); }

void Command::callback(std::function<void()> action) const { app_->callback(std::move(action)); }

void Command::hide() const { app_->group(""); }

int run_program(const std::string& description, std::string_view footer,
                const std::function<void(Command)>& add_commands,
                const std::function<std::vector<std::string>()>& words) {
  CLI::App app{description};
  app.require_subcommand(1);
  add_commands(Command(&app));
  app.footer(std::string(footer));
  try {
    std::vector<std::string> all = words();
    std::reverse(all.begin(), all.end());  // as CLI11 takes them
    app.parse(std::move(all));
  } catch (const Exit& e) {
    return e.code;
  } catch (const UsageError& e) {
    app.exit(CLI::ArgumentMismatch(e.what()));
    return 2;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return 0;
}

void die(std::string_view message) {
  std::cerr << "Error: " << message << "\n";
  throw Exit{1};
}

}  // namespace ionian::cli
