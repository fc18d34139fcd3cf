#include "images/dockerfile.h"

#include <gtest/gtest.h>

#include <random>

namespace ionian::images {
namespace {

template <class T>
T only(std::string_view text) {
  auto lines = parse_dockerfile(text);
  EXPECT_TRUE(lines) << lines.error().message;
  if (!lines || lines->size() != 1 || !std::holds_alternative<T>((*lines)[0].body)) {
    ADD_FAILURE() << text << " is not one line of that kind";
    return {};
  }
  return std::get<T>((*lines)[0].body);
}

std::string error_of(std::string_view text) {
  auto lines = parse_dockerfile(text);
  return lines ? "" : lines.error().message;
}

using Words = std::vector<std::string>;

TEST(Dockerfile, ClientsDebianSlim) {
  auto lines = parse_dockerfile(
      "FROM python:3.11.12-slim-bookworm\nRUN apt-get update\nRUN apt-get install -y gcc gfortran "
      "build-essential\n"
      "RUN pip install --upgrade pip wheel uv\n"
      "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections\nCMD "
      "[\"sleep\", \"172800\"]");
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 6u);
  EXPECT_EQ(std::get<FromLine>((*lines)[0].body).image, "python:3.11.12-slim-bookworm");
  EXPECT_EQ(std::get<RunLine>((*lines)[4].body).command.script,
            "echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections");
  EXPECT_EQ(std::get<CmdLine>((*lines)[5].body).command.args, (Words{"sleep", "172800"}));
  EXPECT_EQ((*lines)[5].line, 6);
}

TEST(Dockerfile, ContinuedLinesWithCommentsInside) {
  EXPECT_EQ(
      only<RunLine>(
          "# syntax=docker/dockerfile:1\n\nRUN cd /tmp && \\ \n  # why\n\n  make\\\n  install\n")
          .command.script,
      "cd /tmp &&   make  install");
  EXPECT_EQ(only<RunLine>("run a \\\r\n b\r\n").command.script, "a  b");
  EXPECT_EQ(only<RunLine>("RUN a \\").command.script, "a");
}

TEST(Dockerfile, From) {
  EXPECT_EQ(only<FromLine>("FROM --platform=linux/amd64 alpine:3 AS Build").stage, "build");
  EXPECT_NE(error_of("FROM a b"), "");
  EXPECT_NE(error_of("FROM"), "");
}

TEST(Dockerfile, RunForms) {
  EXPECT_EQ(only<RunLine>("RUN [\"a b\", \"c\"]").command.args, (Words{"a b", "c"}));
  EXPECT_EQ(only<RunLine>("RUN [ -f /x ] && y").command.script, "[ -f /x ] && y");
  EXPECT_EQ(
      only<RunLine>("RUN --mount=type=cache,target=/root/.cache pip install x").command.script,
      "pip install x");
  EXPECT_NE(error_of("RUN --mount=type=secret,id=x cat /run/secrets/x"), "");
  EXPECT_NE(error_of("RUN"), "");
  EXPECT_NE(error_of("RUN []"), "");
}

TEST(Dockerfile, Copy) {
  const CopyLine copy =
      only<CopyLine>("COPY --from=ghcr.io/astral-sh/uv:latest --chown=1:2 --chmod=755 /uv /.uv/uv");
  EXPECT_EQ(copy.from, "ghcr.io/astral-sh/uv:latest");
  EXPECT_EQ(copy.chown, "1:2");
  EXPECT_EQ(copy.chmod, "755");
  EXPECT_EQ(copy.sources, Words{"/uv"});
  EXPECT_EQ(copy.target, "/.uv/uv");
  EXPECT_EQ(only<CopyLine>("COPY [\"a b\", \"/c d/\"]").target, "/c d/");
  EXPECT_TRUE(only<CopyLine>("ADD x y").unpacks_archives);
  EXPECT_NE(error_of("COPY x"), "");
  EXPECT_NE(error_of("COPY --parents x y"), "");
}

TEST(Dockerfile, EnvForms) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(only<EnvLine>("ENV A=1 B='x y' C=\"$A\"").words,
            (Pairs{{"A", "1"}, {"B", "'x y'"}, {"C", "\"$A\""}}));
  EXPECT_EQ(only<EnvLine>("ENV A hello world").words, (Pairs{{"A", "hello world"}}));
  EXPECT_EQ(only<EnvLine>("ENV A=a\\ b").words, (Pairs{{"A", "a\\ b"}}));
  EXPECT_NE(error_of("ENV A"), "");
  EXPECT_NE(error_of("ENV A=1 B"), "");
}

TEST(Dockerfile, ErrorsNameTheLine) {
  EXPECT_EQ(error_of("FROM x\n\nFROBNICATE now"),
            "line 3 of the Dockerfile: unknown instruction FROBNICATE: FROBNICATE now");
  EXPECT_NE(error_of("SHELL bash"), "");
}

std::string expanded(std::string_view word) {
  auto out = expand(word, [](std::string_view name) -> std::optional<std::string> {
    if (name == "A") return "1";
    if (name == "E") return "";
    return std::nullopt;
  });
  return out ? *out : "error";
}

TEST(Expand, Variables) {
  EXPECT_EQ(expanded("$A/${A}x$B"), "1/1x");
  EXPECT_EQ(expanded("${B:-d}${E:-d}${E-d}${A:-d}"), "dd1");
  EXPECT_EQ(expanded("${A:+y}${E:+y}${E+y}${B+y}"), "yy");
  EXPECT_EQ(expanded("${B:-${A}-\"x y\"}"), "1-x y");
  EXPECT_EQ(expanded("${B:?gone}"), "error");
  EXPECT_EQ(expanded("\\$A $ $- a\\ b"), "$A $ $- a b");
  EXPECT_EQ(expanded("'$A'\"'\"'it'"), "$A'it");
  EXPECT_EQ(expanded("\"$A \\\" \\n\""), "1 \" \\n");
  for (const char* bad : {"'x", "\"x", "${A", "${", "${}", "${A:", "${A:-x", "${A#x}"})
    EXPECT_EQ(expanded(bad), "error") << bad;
}

// What a fuzzer does at length: no text may crash the parser, and what it accepts can be expanded
// or is refused.
TEST(Dockerfile, AnyBytesAreSafe) {
  std::mt19937 random(1);
  const std::string_view alphabet = "FROM RUN COPY ENV ARG \n\\\"'${}:-[],=#\t\r<x\0";
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 ? "ENV " : "COPY ";
    for (int n = static_cast<int>(random() % 40); n > 0; --n)
      text += alphabet[random() % alphabet.size()];
    auto lines = parse_dockerfile(text);
    if (!lines) continue;
    for (const Instruction& each : *lines)
      if (const auto* env = std::get_if<EnvLine>(&each.body))
        for (const auto& [name, word] : env->words) (void)expanded(word);
  }
  (void)expanded(std::string(100000, '$') + "{" + std::string(1000, 'A'));
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "${B:-";
  EXPECT_EQ(expanded(deep), "error");
}

}  // namespace
}  // namespace ionian::images
