// The recipes for real: slow the first time (mmdebstrap), some seconds with a filled cache folder.
// As root.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/cat.h"
#include "base/test_folder.h"
#include "images/base_images.h"
#include "images/test_runner.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

class TextLog final : public BuildLog {
 public:
  void write(int, std::string_view text) override { all += text; }
  std::string all;
};

class RealBase : public testing::Test {
 protected:
  RealBase() : layers_(*LayerStore::open_folder(data_ / "layers")) {
    HostSettings host = HostSettings::detect();
    aid_ = *make_step_aid(host, data_ / "aid");
    bases_.emplace(*BaseImages::open_folder(
        {data_ / "bases", cache_folder() + "/bases", Registries::kNever, "", host}, layers_));
  }
  // Output of a command in the image, stdout and stderr together.
  std::string run(const BuiltImage& image, const std::string& command) {
    auto scratch = layers_.scratch();
    StepSpec step{.name = command,
                  .scratch_dir = scratch->path(),
                  .args = {"/bin/sh", "-c", command},
                  .binds = aid_.binds};
    for (const std::string& id : image.layers) step.lowers.push_back(layers_.path_of(id));
    for (const auto& [name, value] : aid_.env) step.env.push_back(cat(name, '=', value));
    for (const auto& [name, value] : image.config.env) step.env.push_back(cat(name, '=', value));
    std::string out;
    auto done = ChrootRunner().run(step, [&](int, std::string_view text) { out += text; }, never_);
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->exit_code, 0) << out;
    return out;
  }
  const TestFolder data_{"images"};
  LayerStore layers_;
  StepAid aid_;
  std::optional<BaseImages> bases_;
  TextLog log_;
  std::atomic<bool> never_ = false;
};

void check_python(std::string_view version, const std::string& out) {
  EXPECT_TRUE(out.starts_with(cat("Python ", version))) << out;
  EXPECT_NE(out.find("ssl ok"), out.npos) << out;
}

constexpr const char* kCheck =
    "python --version && python -c 'import ssl; print(\"ssl ok\")' && pip --version && "
    "! ls /usr/lib/python3*/EXTERNALLY-MANAGED 2>/dev/null && pip install -q --upgrade pip wheel "
    "uv setuptools && "
    "uv pip install --system --no-cache idna && python -c 'import idna, setuptools' && python -m "
    "venv /tmp/v";

TEST_F(RealBase, BookwormHasPythonAndPip) {
  auto image = bases_->get("python:3.11.12-slim-bookworm", log_, never_);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_NE(log_.all.find("stands in"), log_.all.npos) << log_.all;
  check_python("3.11.", run(*image, kCheck));
  // Another patch release of the same recipe shares the layer; a second store entry costs nothing.
  auto again = bases_->get("python:3.11.10-slim-bookworm", log_, never_);
  EXPECT_EQ(again->layers, image->layers);
  EXPECT_EQ(bases_->list()->size(), 2u);
  EXPECT_TRUE(bases_->remove("python:3.11.12-slim-bookworm")->empty())
      << "the other tag needs the layer";
  EXPECT_EQ(bases_->remove("python:3.11.10-slim-bookworm")->size(), 1u);
}

TEST_F(RealBase, TrixieHasPythonAndPip) {
  auto image = bases_->get("python:3.13-slim-trixie", log_, never_);
  ASSERT_TRUE(image) << image.error().message;
  check_python("3.13.", run(*image, kCheck));
}

TEST_F(RealBase, PlainDebian) {
  auto image = bases_->get("debian:bookworm-slim", log_, never_);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_NE(
      run(*image, "apt-get update && apt-get install -y --no-install-recommends hello && hello")
          .find("Hello, world"),
      std::string::npos);
}

TEST_F(RealBase, CancelledInTheMiddleLeavesNothing) {
  class CancelOnUnpacking final : public BuildLog {
   public:
    explicit CancelOnUnpacking(std::atomic<bool>& flag) : flag_(flag) {}
    void write(int, std::string_view text) override {
      if (text.find("extracting archives") != text.npos) flag_ = true;
    }
    std::atomic<bool>& flag_;
  };
  std::atomic<bool> cancelled = false;
  CancelOnUnpacking log(cancelled);
  const std::string folder = data_ / "cache";
  auto made =
      make_root_file_system({"bookworm", ""}, HostSettings::detect(), folder, log, cancelled);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kCancelled) << made.error().message;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_TRUE(entry.path().filename().string().starts_with(".lock")) << entry.path();
  EXPECT_EQ(read_file("/proc/self/mounts")->find(folder), std::string::npos);
}

TEST_F(RealBase, UnknownTagListsWhatIsAtHand) {
  auto image = bases_->get("python:3.12-slim-bookworm", log_, never_);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Code::kInvalidArgument);
  EXPECT_NE(image.error().message.find("python:3.11-slim-bookworm"), std::string::npos)
      << image.error().message;
  EXPECT_EQ(bases_->get("--help", log_, never_).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ionian::images
