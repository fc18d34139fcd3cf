#include <memory>

#include "base/file.h"
#include "cli/settings.h"
#include "cli/tree.h"
#include "server/version.h"

namespace ionian::cli {
namespace {

// Text as roff takes it: backslashes and dashes as they are, no line taken for a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

// The page's lines: what is indented is an example, an empty line ends a paragraph.
std::string body(std::string_view page) {
  std::string out;
  bool example = false;
  while (!page.empty()) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    std::string_view line = page.substr(0, end);
    page.remove_prefix(std::min(end + 1, page.size()));
    const bool indented = line.starts_with("    ");
    if (line.empty() && !example) out += ".PP\n";
    if (line.empty()) continue;
    if (indented && !example) out += ".PP\n.nf\n.RS 4\n";
    if (!indented && example) out += ".RE\n.fi\n.PP\n";
    example = indented;
    cat_to(out, roff(indented ? line.substr(4) : line), "\n");
  }
  if (example) out += ".RE\n.fi\n";
  return out;
}

std::string names_of(const OptionInfo& option) {
  std::string out;
  const auto add = [&](const std::string& text) { cat_to(out, out.empty() ? "" : ", ", text); };
  for (const std::string& name : option.short_names) add(cat("-", name));
  for (const std::string& name : option.long_names) add(cat("--", name));
  if (out.empty()) return option.name;
  return option.takes_value ? cat(out, " TEXT") : out;
}

std::string page_of(const CommandInfo& command, const std::string& words) {
  std::string name = words;
  std::replace(name.begin(), name.end(), ' ', '-');
  std::string synopsis = words, options;
  for (const OptionInfo& one : command.options) {
    if (!one.name.empty())
      cat_to(synopsis, one.required ? " " : " [", one.name, one.required ? "" : "]");
    cat_to(options, ".TP\n.B ", roff(names_of(one)), "\n", roff(one.description), "\n");
  }
  if (!command.commands.empty()) synopsis += " COMMAND";
  std::string out =
      cat(".TH ", roff(name), " 1 \"\" \"ionian ", server::kVersion, "\" \"Ionian\"\n",
          ".SH NAME\n", roff(name), " \\- ", roff(command.description), "\n.SH SYNOPSIS\n.B ",
          roff(synopsis), " [OPTIONS]\n");
  if (!command.footer.empty()) cat_to(out, ".SH DESCRIPTION\n", body(command.footer));
  if (!command.commands.empty()) out += ".SH COMMANDS\n";
  for (const auto& one : command.commands)
    cat_to(out, ".TP\n.B ", roff(one.name), "\n", roff(one.description), "\n");
  return cat(
      out, ".SH OPTIONS\n", options,
      ".TP\n.B \\-\\-profile NAME\nUse this profile of ~/.modal.toml; anywhere on the command "
      "line.\n");
}

void write(Command root, const std::string& folder) {
  if (auto made = make_folders(folder); !made) die(made.error().message);
  for_each_command(root, [&](const CommandInfo& command, const std::string& words) {
    std::string name = words;
    std::replace(name.begin(), name.end(), ' ', '-');
    auto written = write_file(cat(folder, "/", name, ".1"), page_of(command, words));
    if (!written) die(written.error().message);
  });
}

}  // namespace

void add_manual(Command app) {
  auto folder = std::make_shared<std::string>();
  Command command = app.add_subcommand("manual", "Write man pages, one a command, into a folder");
  command.hide();  // for those who build packages
  command.add_option("FOLDER", *folder).required();
  command.callback([app, folder] { run_with_settings([&] { write(app, *folder); }); });
}

}  // namespace ionian::cli
