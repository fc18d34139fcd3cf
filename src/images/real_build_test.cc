// Lines of the kind that clients send, over a real base image, with pip, uv and apt for real. As
// root; minutes with an empty cache folder.
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "images/builder.h"
#include "images/test_runner.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

class TextLog final : public BuildLog {
 public:
  void write(int, std::string_view text) override { all += text; }
  std::string all;
};

// One data folder for all: each base is unpacked once.
class RealBuild : public testing::Test {
 protected:
  struct World {
    World() : layers(*LayerStore::open_folder(data / "layers")) {
      const HostSettings host = HostSettings::detect();
      bases.emplace(*BaseImages::open_folder(
          {data / "bases", cache_folder() + "/bases", Registries::kNever, "", host}, layers));
      builder.emplace(layers, *bases, runner,
                      BuildSettings{.root = data / "build", .cache = cache_folder(), .host = host});
    }
    const TestFolder data{"images"};
    LayerStore layers;
    ChrootRunner runner;
    std::optional<BaseImages> bases;
    std::optional<Builder> builder;
    BuiltImage slim;
  };
  static void SetUpTestSuite() { world_ = std::make_unique<World>(); }
  static void TearDownTestSuite() { world_.reset(); }

  BuiltImage build(const BuildInput& input) {
    TextLog log;
    auto image = world_->builder->build(input, log, never_);
    EXPECT_TRUE(image) << image.error().message << log.all;
    log_ = log.all;
    return image ? *image : BuiltImage{};
  }
  BuiltImage on_top_of(const BuiltImage& base, std::vector<std::string> lines,
                       std::vector<std::pair<std::string, std::string>> files = {}) {
    lines.insert(lines.begin(), "FROM base");
    return build({.dockerfile_commands = std::move(lines),
                  .base_images = {{"base", base}},
                  .context_files = std::move(files)});
  }
  // What modal.Image.debian_slim() begins with; the official clients build the whole of it in
  // tests/conformance.
  const BuiltImage& slim() {
    BuiltImage& image = world_->slim;
    if (image.layers.empty())
      image = build({.dockerfile_commands = {"FROM python:3.11.12-slim-bookworm",
                                             "RUN pip install --upgrade pip wheel uv",
                                             "CMD [\"sleep\", \"172800\"]"},
                     .builder_version = "2025.06"});
    return image;
  }
  static std::unique_ptr<World> world_;
  std::string log_;
  std::atomic<bool> never_ = false;
};
std::unique_ptr<RealBuild::World> RealBuild::world_;

TEST_F(RealBuild, AnImageKnowsItsPythonAndItsLibrary) {
  const BuiltImage& image = slim();
  EXPECT_TRUE(image.config.python_version.starts_with("3.11.")) << image.config.python_version;
  EXPECT_EQ(image.config.libc, "glibc 2.36");
  EXPECT_EQ(image.config.cmd, (std::vector<std::string>{"sleep", "172800"}));
  EXPECT_NE(log_.find("stands in"), log_.npos);
}

TEST_F(RealBuild, MethodsOfTheClient) {
  const BuiltImage pip = on_top_of(slim(), {"RUN python -m pip install 'six==1.17.0' "});
  const BuiltImage apt = on_top_of(pip, {"RUN apt-get update", "RUN apt-get install -y cowsay"});
  const BuiltImage env = on_top_of(apt, {"ENV GREETING='it'\"'\"'s $HOME'", "WORKDIR /work"});
  EXPECT_EQ(*find_variable(env.config.env, "GREETING"), "it's $HOME");
  const BuiltImage last =
      on_top_of(env,
                {"COPY /.requirements.txt /.requirements.txt",
                 "RUN python -m pip install -r /.requirements.txt ",
                 "RUN python -c 'import six, idna' && /usr/games/cowsay \"$GREETING\" && pwd"},
                {{"/.requirements.txt", "idna==3.10\n"}});
  EXPECT_NE(log_.find("it's $HOME"), log_.npos) << log_;
  EXPECT_NE(log_.find("\n/work\n"), log_.npos);
  EXPECT_EQ(last.config.workdir, "/work");
  EXPECT_TRUE(last.config.python_version.starts_with("3.11."));
}

TEST_F(RealBuild, UvWithoutItsRegistry) {
  on_top_of(slim(),
            {"COPY --from=ghcr.io/astral-sh/uv:latest /uv /.uv/uv",
             "RUN /.uv/uv pip install --python $(command -v python) --compile-bytecode idna==3.10",
             "RUN python -c 'import idna' && /.uv/uv --version"});
  on_top_of(slim(), {"COPY --from=ghcr.io/astral-sh/uv:0.7.9 /uv /.uv/uv",
                     "RUN /.uv/uv --version | grep '^uv 0.7.9'"});
}

TEST_F(RealBuild, NothingOfTheHostStaysInTheImage) {
  on_top_of(slim(), {"RUN test -r \"$SSL_CERT_FILE\" && test -r \"$APT_CONFIG\"",
                     "RUN cd / && ! find etc root usr/local -newer "
                     "etc/debian_version -name 'pip.conf' | grep . "});
  for (const std::string& id : slim().layers)
    EXPECT_NE(::access((world_->layers.path_of(id) + "/run/ionian-host").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace ionian::images
