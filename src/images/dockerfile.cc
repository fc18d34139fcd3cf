#include "images/dockerfile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ionian::images {
namespace {

using Json = nlohmann::json;
using Body = decltype(Instruction::body);

constexpr std::size_t kTextLimit = 4 << 20;
constexpr std::string_view kSpace = " \t\r\v\f";

std::string_view trim_left(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view{} : text.substr(first);
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Cuts the next word off; quotes and escapes keep blanks inside it.
std::string_view take_word(std::string_view& rest) {
  rest = trim_left(rest);
  char quote = 0;
  std::size_t n = 0;
  for (; n < rest.size(); ++n) {
    const char c = rest[n];
    if (c == '\\' && quote != '\'')
      ++n;
    else if (quote != 0)
      quote = c == quote ? 0 : quote;
    else if (c == '"' || c == '\'')
      quote = c;
    else if (kSpace.find(c) != kSpace.npos)
      break;
  }
  n = std::min(n, rest.size());
  const std::string_view word = rest.substr(0, n);
  rest = trim_left(rest.substr(n));
  return word;
}

std::vector<std::string> split_words(std::string_view rest) {
  std::vector<std::string> out;
  for (rest = trim_left(rest); !rest.empty();) out.emplace_back(take_word(rest));
  return out;
}

std::optional<std::vector<std::string>> json_list(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[')) return std::nullopt;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const Json& each : json) {
    if (!each.is_string()) return std::nullopt;
    out.push_back(each.get<std::string>());
  }
  return out;
}

ShellOrExec command_of(std::string_view text) {
  if (auto args = json_list(text)) return {.is_exec = true, .args = std::move(*args)};
  return {.script = std::string(trim(text))};
}

// "--name=value" in front of a line's words.
struct Flag {
  std::string_view name, value;
};
std::vector<Flag> take_flags(std::string_view& rest) {
  std::vector<Flag> out;
  for (rest = trim_left(rest); rest.starts_with("--");) {
    std::string_view word = take_word(rest);
    word.remove_prefix(2);
    const std::size_t equals = std::min(word.find('='), word.size());
    out.push_back({word.substr(0, equals), word.substr(std::min(equals + 1, word.size()))});
  }
  return out;
}

Result<Body> parse_from(std::string_view rest) {
  for (const Flag& flag : take_flags(rest))
    if (flag.name != "platform")
      return fail(Code::kInvalidArgument, "FROM has no option --", flag.name);
  const std::vector<std::string> words = split_words(rest);
  if (words.size() == 1) return FromLine{words[0], ""};
  const bool named =
      words.size() == 3 && (words[1] == "AS" || words[1] == "as" || words[1] == "As");
  if (!named) return fail(Code::kInvalidArgument, "FROM takes an image, or \"image AS stage\"");
  FromLine from{words[0], words[2]};
  std::ranges::transform(from.stage, from.stage.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return from;
}

Result<Body> parse_run(std::string_view rest) {
  for (const Flag& flag : take_flags(rest)) {
    // A cache only saves time; the others change what the command sees.
    const bool harmless = (flag.name == "mount" && flag.value.starts_with("type=cache")) ||
                          (flag.name == "network" && flag.value == "default");
    if (!harmless)
      return fail(Code::kInvalidArgument, "RUN --", flag.name, "=", flag.value,
                  " is not supported");
  }
  if (rest.empty()) return fail(Code::kInvalidArgument, "RUN has no command");
  if (rest.starts_with("<<"))
    return fail(Code::kInvalidArgument, "here-documents are not supported");
  RunLine run{command_of(rest)};
  if (run.command.is_exec && run.command.args.empty())
    return fail(Code::kInvalidArgument, "RUN has no command");
  return run;
}

Result<Body> parse_copy(std::string_view rest, bool unpacks_archives) {
  CopyLine copy{.unpacks_archives = unpacks_archives};
  for (const Flag& flag : take_flags(rest)) {
    if (flag.name == "from")
      copy.from = flag.value;
    else if (flag.name == "chown")
      copy.chown = flag.value;
    else if (flag.name == "chmod")
      copy.chmod = flag.value;
    else if (flag.name != "link")
      return fail(Code::kInvalidArgument, "the option --", flag.name, " is not supported");
  }
  auto list = json_list(rest);
  std::vector<std::string> words = list ? std::move(*list) : split_words(rest);
  if (words.size() < 2)
    return fail(Code::kInvalidArgument, "it takes at least one source and a target");
  if (words[0].starts_with("<<"))
    return fail(Code::kInvalidArgument, "here-documents are not supported");
  copy.target = std::move(words.back());
  words.pop_back();
  copy.sources = std::move(words);
  return copy;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) {
    return c == '=' || c == '\0' || c == '"' || c == '\'';
  });
}

Result<Body> parse_env(std::string_view rest) {
  EnvLine env;
  std::string_view after = rest;
  const std::string_view first = take_word(after);
  if (first.find('=') == first.npos) {
    if (after.empty() || !is_variable_name(first))
      return fail(Code::kInvalidArgument, "ENV takes NAME=value or NAME value");
    env.words.emplace_back(first, trim(after));
    return env;
  }
  for (const std::string& word : split_words(rest)) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos || !is_variable_name(std::string_view(word).substr(0, equals)))
      return fail(Code::kInvalidArgument, "ENV takes NAME=value, not ", word);
    env.words.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return env;
}

Result<Body> parse_arg(std::string_view rest) {
  ArgLine arg;
  for (const std::string& word : split_words(rest)) {
    const std::size_t equals = word.find('=');
    if (!is_variable_name(std::string_view(word).substr(0, equals)))
      return fail(Code::kInvalidArgument, "ARG takes NAME or NAME=default, not ", word);
    arg.words.emplace_back(word.substr(0, equals), equals == word.npos
                                                       ? std::nullopt
                                                       : std::optional(word.substr(equals + 1)));
  }
  if (arg.words.empty()) return fail(Code::kInvalidArgument, "ARG has no name");
  return arg;
}

Result<Body> parse_body(std::string_view text) {
  std::string_view rest = text;
  std::string verb(rest.substr(0, std::min(rest.find_first_of(kSpace), rest.size())));
  rest = trim(rest.substr(verb.size()));
  std::ranges::transform(verb, verb.begin(), [](unsigned char c) { return std::toupper(c); });
  if (verb == "FROM") return parse_from(rest);
  if (verb == "RUN") return parse_run(rest);
  if (verb == "COPY" || verb == "ADD") return parse_copy(rest, verb == "ADD");
  if (verb == "ENV") return parse_env(rest);
  if (verb == "ARG") return parse_arg(rest);
  if (verb == "CMD") return CmdLine{command_of(rest)};
  if (verb == "ENTRYPOINT") return EntrypointLine{command_of(rest)};
  if (verb == "WORKDIR" || verb == "USER") {
    if (rest.empty()) return fail(Code::kInvalidArgument, verb, " has no value");
    if (verb == "USER") return UserLine{std::string(rest)};
    return WorkdirLine{std::string(rest)};
  }
  if (verb == "SHELL") {
    auto args = json_list(rest);
    if (!args || args->empty())
      return fail(Code::kInvalidArgument, "SHELL takes a JSON list of strings");
    return ShellLine{std::move(*args)};
  }
  for (std::string_view ignored :
       {"LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "MAINTAINER"})
    if (verb == ignored) return IgnoredLine{};
  return fail(Code::kInvalidArgument, "unknown instruction ", verb.substr(0, 40));
}

// The lines of a text, numbered, with continued ones joined and comments left out.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  // The next instruction's text, or nothing at the end.
  std::optional<std::pair<int, std::string>> next() {
    std::string joined;
    int first = 0;
    while (!at_end_) {
      std::string_view line = take_line();
      const std::string_view shown = trim(line);
      // Inside a continued line too, comments and blank lines are not there.
      if (shown.empty() || shown.front() == '#') continue;
      if (first == 0) {
        first = number_;
        line = trim_left(line);
      }
      const bool continues = shown.back() == '\\';
      if (continues) line = line.substr(0, line.rfind('\\'));
      joined += line;
      if (!continues) break;
    }
    if (first == 0) return std::nullopt;
    return std::pair(first, std::string(trim(joined)));
  }

 private:
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    at_end_ = end == rest_.npos;
    rest_.remove_prefix(at_end_ ? rest_.size() : end + 1);
    ++number_;
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

  std::string_view rest_;
  int number_ = 0;
  bool at_end_ = false;
};

}  // namespace

Result<std::vector<Instruction>> parse_dockerfile(std::string_view text) {
  if (text.size() > kTextLimit)
    return fail(Code::kInvalidArgument, "the Dockerfile is larger than 4 MiB");
  std::vector<Instruction> out;
  LineReader lines(text);
  while (auto line = lines.next()) {
    auto& [number, content] = *line;
    if (content.empty()) continue;
    auto body = parse_body(content);
    if (!body)
      return fail(Code::kInvalidArgument, "line ", number,
                  " of the Dockerfile: ", body.error().message, ": ", content.substr(0, 200));
    out.push_back({number, std::move(content), std::move(*body)});
  }
  return out;
}

}  // namespace ionian::images
