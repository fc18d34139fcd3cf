#pragma once
// The lines of a Dockerfile as data. Knows no image and touches no file: build.h carries it out.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ionian::images {

// RUN, CMD, ENTRYPOINT: a text for the shell, or a JSON list that is run as it is.
struct ShellOrExec {
  bool is_exec = false;
  std::string script;             // shell form
  std::vector<std::string> args;  // exec form
};

struct FromLine {
  std::string image, stage;
};
struct RunLine {
  ShellOrExec command;
};
struct CopyLine {
  std::vector<std::string> sources;
  std::string target;
  std::string from, chown, chmod;
  bool unpacks_archives = false;  // ADD
};
// Words still carry their quotes and variables: expand() resolves them when the line's turn comes.
struct EnvLine {
  std::vector<std::pair<std::string, std::string>> words;
};
struct ArgLine {
  std::vector<std::pair<std::string, std::optional<std::string>>> words;
};
struct WorkdirLine {
  std::string word;
};
struct UserLine {
  std::string word;
};
struct CmdLine {
  ShellOrExec command;
};
struct EntrypointLine {
  ShellOrExec command;
};
struct ShellLine {
  std::vector<std::string> args;
};
// LABEL, EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, MAINTAINER: accepted, and without effect here.
struct IgnoredLine {};

struct Instruction {
  int line = 0;      // of its first line, from 1
  std::string text;  // joined, as one line
  std::variant<FromLine, RunLine, CopyLine, EnvLine, ArgLine, WorkdirLine, UserLine, CmdLine,
               EntrypointLine, ShellLine, IgnoredLine>
      body;
};

// Comments, blank lines and continued lines as Docker reads them.
//   errors  INVALID_ARGUMENT, with the number of the line and what it says. Safe for any bytes.
Result<std::vector<Instruction>> parse_dockerfile(std::string_view text);

// The value of a variable, if it has one.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// A word without its quotes and backslashes, with $X, ${X}, ${X:-default}, ${X:+instead},
// ${X:?message} (and without the colon) resolved; an unknown variable is empty. Text in single
// quotes stays as it is.
//   errors  INVALID_ARGUMENT an open quote or brace, a name that is none, or a result above 1 MiB
Result<std::string> expand(std::string_view word, const Lookup& lookup);

}  // namespace ionian::images
