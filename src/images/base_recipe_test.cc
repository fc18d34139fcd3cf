#include "images/base_recipe.h"

#include <gtest/gtest.h>

#include "images/host_settings.h"

namespace ionian::images {
namespace {

std::string recipe(std::string_view tag) {
  const auto found = recipe_for(tag);
  return found ? found->name() : "none";
}

TEST(BaseRecipe, Tags) {
  for (const char* tag : {"python:3.11-slim-bookworm", "python:3.11.12-slim-bookworm",
                          "python:3.11-slim", "docker.io/library/python:3.11.2-slim"})
    EXPECT_EQ(recipe(tag), "bookworm-python3.11") << tag;
  for (const char* tag :
       {"python:3.13-slim-trixie", "python:3.13.3-slim-trixie", "python:3.13-slim"})
    EXPECT_EQ(recipe(tag), "trixie-python3.13") << tag;
  for (const char* tag :
       {"debian:bookworm", "debian:bookworm-slim", "debian:12", "debian:12.9-slim"})
    EXPECT_EQ(recipe(tag), "bookworm") << tag;
  EXPECT_EQ(recipe("debian:trixie-slim"), "trixie");
  for (const char* tag :
       {"python:3.12-slim-bookworm", "python:3.11-slim-trixie", "python:3.11-alpine", "python:3.11",
        "python:3.110-slim", "python", "ubuntu:22.04", "debian:11", "debian:121",
        "me/python:3.11-slim", "debian", ""})
    EXPECT_EQ(recipe(tag), "none") << tag;
}

TEST(BaseRecipe, ShortTags) {
  EXPECT_EQ(short_tag("docker.io/library/python:3.11"), "python:3.11");
  EXPECT_EQ(short_tag("alpine"), "alpine:latest");
  EXPECT_EQ(short_tag("localhost:5000/x"), "localhost:5000/x:latest");
  EXPECT_EQ(short_tag("ghcr.io/astral-sh/uv:0.5"), "ghcr.io/astral-sh/uv:0.5");
}

TEST(AptSources, BothFormatsAndOnlyTheReleaseItself) {
  const auto sources = parse_apt_sources(
      "# comment\n"
      "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n"
      "deb-src http://mirror.example/debian bookworm main\n"
      "deb http://other.example cloud-bookworm main\n"
      "deb http://third.example/apt bookworm stable\n",
      "bookworm");
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].options, "[arch=amd64 signed-by=/k.gpg] ");
  EXPECT_EQ(sources[0].uri, "http://mirror.example/debian");
  const auto modern = parse_apt_sources(
      "Types: deb deb-src\nURIs: http://a.example/debian\nSuites: bookworm "
      "bookworm-updates\nComponents: main\n"
      "Signed-By: /k.gpg\n\nTypes: deb\nURIs: http://a.example/security\nSuites: "
      "bookworm-security\n"
      "Components: main\nEnabled: no\n",
      "bookworm");
  ASSERT_EQ(modern.size(), 2u);
  EXPECT_EQ(modern[1].suite_suffix, "-updates");
  EXPECT_EQ(modern[1].options, "[signed-by=/k.gpg] ");
}

}  // namespace
}  // namespace ionian::images
