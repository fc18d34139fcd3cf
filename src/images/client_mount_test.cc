// Needs PyPI once; later runs take the wheels from the cache folder and prove that no network is
// needed then.
#include "images/client_mount.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "base/file.h"
#include "base/test_folder.h"
#include "images/subprocess.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

TEST(Requirements, MarkersOfPythonVersions) {
  auto lines = requirements_for(
      "a==1\nb==2 ; python_version < \"3.14\"\n# note\n"
      "c==3; python_version >= '3.10' and python_version < '3.11'\nd>=1,<2 ; python_version == "
      "\"3.11\"\n",
      "3.11");
  ASSERT_TRUE(lines);
  EXPECT_EQ(*lines, (std::vector<std::string>{"a==1", "b==2", "d>=1,<2"}));
  EXPECT_FALSE(requirements_for("a==1 ; sys_platform == 'win32'", "3.11"));
  EXPECT_LT(compare_versions("3.9", "3.11"), 0);
  EXPECT_EQ(compare_versions("3.11", "3.11.0"), 0);
}

class ClientMountTest : public testing::Test {
 protected:
  // Folders that all tests share: what one made, the next one finds.
  static void SetUpTestSuite() {
    data_ = std::make_unique<TestFolder>("images");
    mounts_ = std::make_unique<ClientMounts>(*ClientMounts::open_folder(settings(*data_)));
  }
  static void TearDownTestSuite() {
    mounts_.reset();
    data_.reset();
  }
  static ClientMountSettings settings(const TestFolder& data) {
    return {.root = data / "runtime", .cache = cache_folder(), .compile_for = {}};
  }
  static std::unique_ptr<TestFolder> data_;
  static std::unique_ptr<ClientMounts> mounts_;
};
std::unique_ptr<TestFolder> ClientMountTest::data_;
std::unique_ptr<ClientMounts> ClientMountTest::mounts_;

TEST_F(ClientMountTest, NewAndOldClient) {
  for (const char* version : {"1.6.4", "0.74.0"}) {
    auto tree = mounts_->client_mount(version);
    ASSERT_TRUE(tree) << tree.error().message;
    for (const char* name : {"modal/_container_entrypoint.py", "modal_proto/api_pb2.py",
                             "modal_version/__init__.py", "synchronicity/__init__.py"})
      EXPECT_TRUE(std::filesystem::exists(*tree + "/pkg/" + name)) << version << " " << name;
    EXPECT_FALSE(std::filesystem::exists(cat(*tree, "/pkg/modal-", version, ".dist-info")));
  }
}

TEST_F(ClientMountTest, RuntimeImportsWithItsDependencies) {
  auto tree = mounts_->client_mount("1.6.4");
  auto deps = mounts_->dependency_mount("2025.06", "3.11", "glibc 2.36");
  ASSERT_TRUE(deps) << deps.error().message;
  EXPECT_TRUE(std::filesystem::exists(*deps + "/pkg/sitecustomize.py"));
  // The host's own Python stands for the container's: same version, same libc, nothing of its own
  // packages.
  auto done = run_command({.args = {"/usr/bin/python3", "-I", "-S", "-c",
                                    cat("import sys; sys.path[:0] = ['", *tree, "/pkg', '", *deps,
                                        "/__modal/deps']; import modal._container_entrypoint, "
                                        "modal; print(modal.__version__)")}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, "1.6.4\n") << done->tail;
}

TEST_F(ClientMountTest, SecondTimeNeedsNoNetworkAndTwoAtOnceMakeOne) {
  ASSERT_TRUE(mounts_->client_mount("1.6.4"));
  ASSERT_TRUE(mounts_->dependency_mount("2025.06", "3.11", "glibc 2.36"));
  // An index that nobody answers at.
  ::setenv("PIP_INDEX_URL", "http://127.0.0.1:9/", 1);
  const TestFolder other("images");
  auto fresh = ClientMounts::open_folder(settings(other));
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      auto tree = fresh->client_mount("1.6.4");
      EXPECT_TRUE(tree) << tree.error().message;
    });
  threads.clear();
  auto deps = fresh->dependency_mount("2025.06", "3.11", "glibc 2.36");
  EXPECT_TRUE(deps) << deps.error().message;
  ::unsetenv("PIP_INDEX_URL");
  int trees = 0;
  for (const auto& entry : std::filesystem::directory_iterator(other / "runtime"))
    trees += entry.is_directory();
  EXPECT_EQ(trees, 2);
}

TEST_F(ClientMountTest, OtherPythonsBuildersAndLibcs) {
  for (auto [builder, python, libc] :
       {std::tuple{"2026.10", "3.13", "glibc 2.41"}, {"2025.06", "3.12", "musl 1.2"}}) {
    auto deps = mounts_->dependency_mount(builder, python, libc);
    ASSERT_TRUE(deps) << deps.error().message;
    const std::string abi = cat("cpython-", python[0], std::string_view(python).substr(2));
    bool native = false;
    for (const auto& entry : std::filesystem::directory_iterator(*deps + "/__modal/deps/multidict"))
      native = native || entry.path().filename().string().find(abi) != std::string::npos;
    EXPECT_TRUE(native) << *deps;
  }
}

TEST_F(ClientMountTest, BytecodeGoesWithThePackage) {
  const TestFolder own("images");
  ClientMountSettings compiled = settings(own);
  compiled.compile_for = {"3.11", "3.99"};
  auto tree = ClientMounts::open_folder(compiled)->client_mount("1.6.4");
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(std::filesystem::exists(*tree + "/pkg/modal/__pycache__/_functions.cpython-311.pyc"));
}

TEST_F(ClientMountTest, RefusesWhatIsNoVersion) {
  EXPECT_EQ(mounts_->client_mount("../x").error().code, Code::kInvalidArgument);
  EXPECT_EQ(mounts_->client_mount("1.0 --index-url=x").error().code, Code::kInvalidArgument);
  EXPECT_EQ(mounts_->dependency_mount("1999.01", "3.11", "glibc 2.36").error().code,
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace ionian::images
