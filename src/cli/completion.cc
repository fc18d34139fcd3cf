#include <iostream>
#include <memory>

#include "cli/pages.h"
#include "cli/settings.h"
#include "cli/tree.h"

namespace ionian::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) cat_to(out, out.empty() ? "" : " ", word);
  return out;
}

std::vector<std::string> words_after(const CommandInfo& command) {
  std::vector<std::string> out;
  out.reserve(command.commands.size());
  for (const auto& one : command.commands) out.push_back(one.name);
  for (std::string& option : command.option_words()) out.push_back(std::move(option));
  return out;
}

// The words so far, without options, decide what may follow; the table is the same for both shells.
std::string table(Command root) {
  std::string out;
  for_each_command(root, [&](const CommandInfo& command, const std::string& words) {
    cat_to(out, "    '", words, "') next='", joined(words_after(command)), "' ;;\n");
  });
  return out;
}

constexpr std::string_view kBash = R"(# bash completion for ionian
_ionian() {
  local word path=ionian next i skip=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $skip ]]; then skip=; continue; fi
    case $word in
    --profile) skip=1 ;;
    -*) ;;
    *) path+=" $word" ;;
    esac
  done
  case $path in
@TABLE@    *) next=--profile ;;
  esac
  word=${COMP_WORDS[COMP_CWORD]}
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --profile ||
        $path == 'ionian profile activate' && $word != -* ]]; then
    next=$("${COMP_WORDS[0]}" completion profiles 2>/dev/null)
  fi
  mapfile -t COMPREPLY < <(compgen -W "$next" -- "$word")
}
complete -F _ionian ionian
)";

constexpr std::string_view kZsh = R"(#compdef ionian
_ionian() {
  local word path=ionian next i skip=
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
    --profile) skip=1 ;;
    -*) ;;
    *) path+=" $word" ;;
    esac
  done
  case $path in
@TABLE@    *) next=--profile ;;
  esac
  if [[ ${words[CURRENT-1]} == --profile ||
        $path == 'ionian profile activate' && ${words[CURRENT]} != -* ]]; then
    next=$("${words[1]}" completion profiles 2>/dev/null)
  fi
  compadd -- ${=next}
}
compdef _ionian ionian
)";

std::string filled(std::string_view script, Command root) {
  constexpr std::string_view kMark = "@TABLE@";
  std::string out(script);
  return out.replace(out.find(kMark), kMark.size(), table(root));
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) cat_to(out, c == '\'' || c == '\\' ? "\\" : "", c);
  return out + "'";
}

// fish wants a line for each word, with the words that must stand before it.
std::string fish(Command root) {
  std::string out =
      "# fish completion for ionian\n"
      "function __ionian_at\n"
      "    set -l words (commandline -opc | string match -v -- '-*')\n"
      "    test \"$words\" = \"$argv\"\n"
      "end\n"
      "complete -c ionian -f\n"
      "complete -c ionian -l profile -x -a '(ionian completion profiles)'\n"
      "complete -c ionian -n '__ionian_at ionian profile activate' -a "
      "'(ionian completion profiles)'\n";
  for_each_command(root, [&](const CommandInfo& command, const std::string& words) {
    const std::string at = cat("complete -c ionian -n '__ionian_at ", words, "' ");
    for (const auto& one : command.commands)
      cat_to(out, at, "-a ", one.name, " -d ", in_quotes(one.description), "\n");
    for (const OptionInfo& one : command.options) {
      for (const std::string& name : one.short_names) cat_to(out, at, "-s ", name, "\n");
      for (const std::string& name : one.long_names)
        cat_to(out, at, "-l ", name, " -d ", in_quotes(one.description), "\n");
    }
  });
  return out;
}

void print(Command root, const std::string& shell) {
  if (shell == "bash") std::cout << filled(kBash, root);
  if (shell == "zsh") std::cout << filled(kZsh, root);
  if (shell == "fish") std::cout << fish(root);
  if (shell == "profiles")  // what the scripts themselves ask for
    for (const std::string& name : config().profiles()) std::cout << name << "\n";
}

}  // namespace

void add_completion(Command app) {
  auto shell = std::make_shared<std::string>();
  Command command = app.add_subcommand("completion", "Print a script that completes commands");
  command.footer(std::string(kCompletionPage));
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      .required()
      .one_of({"bash", "zsh", "fish", "profiles"});
  command.callback([app, shell] { run_with_settings([&] { print(app, *shell); }); });
}

}  // namespace ionian::cli
