// Builds over a tiny root file system of the host's own shell: no network, no base image. As root.
#include "images/builder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_folder.h"
#include "images/layered_tree.h"
#include "images/test_runner.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;
using Files = std::vector<std::pair<std::string, std::string>>;

class TextLog final : public BuildLog {
 public:
  void write(int, std::string_view text) override { all += text; }
  std::string all;
};

class BuilderTest : public testing::Test {
 protected:
  BuilderTest() : layers_(*LayerStore::open_folder(data_ / "layers")) {
    bases_.emplace(*BaseImages::open_folder(
        {data_ / "bases", cache_folder() + "/bases", Registries::kNever, "", {}}, layers_));
    HostSettings host;
    host.env = {{"FROM_HOST", "yes"}};
    builder_.emplace(layers_, *bases_, runner_,
                     BuildSettings{.root = data_ / "build", .cache = cache_folder(), .host = host});
    // A static shell with the usual commands.
    const std::string root = data_ / "root";
    for (const char* folder : {"/bin", "/etc", "/usr/lib", "/proc", "/dev", "/run"})
      EXPECT_TRUE(make_folders(root + folder));
    const auto programs =
        run_command({.args = {"sh", "-c",
                              "for p in sh cat ls env id chroot mkdir touch rm stat; do "
                              "f=$(command -v $p); cp -L $f $0/bin/; ldd $f | "
                              "grep -o '/[^ ]*' ; done | sort -u | while read l; do mkdir -p "
                              "$0$(dirname $l); cp -L $l $0$l; done",
                              root}});
    EXPECT_EQ(programs->code, 0) << programs->tail;
    EXPECT_TRUE(
        write_file(root + "/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\n"));
    ::symlink("usr/lib", (root + "/link").c_str());
    EXPECT_EQ(run_command({.args = {"tar", "-C", root, "-cf", data_ / "tiny.tar", "."}})->code, 0);
    auto imported = bases_->import("tiny:1", data_ / "tiny.tar", never_);
    EXPECT_TRUE(imported) << imported.error().message;
    first_layers_ = layer_count();
  }
  BuildInput input(std::vector<std::string> lines, Files context = {}) {
    lines.insert(lines.begin(), "FROM tiny:1");
    return {.dockerfile_commands = std::move(lines),
            .context_files = std::move(context),
            .build_args = {}};
  }
  BuiltImage build(const BuildInput& in) {
    log_.all.clear();
    auto image = builder_->build(in, log_, never_);
    EXPECT_TRUE(image) << image.error().message;
    return image ? *image : BuiltImage{};
  }
  Status failure(const BuildInput& in) {
    auto image = builder_->build(in, log_, never_);
    EXPECT_FALSE(image);
    EXPECT_EQ(layer_count(), first_layers_) << "a failed build leaves nothing behind";
    return image ? Status{} : image.error();
  }
  LayeredTree tree(const BuiltImage& image) const {
    std::vector<std::string> lowers;
    lowers.reserve(image.layers.size());
    for (const std::string& id : image.layers) lowers.push_back(layers_.path_of(id));
    return LayeredTree(lowers);
  }
  std::string read(const BuiltImage& image, std::string_view path) const {
    auto node = tree(image).find(path);
    if (!node || !*node) return "none";
    return (*node)->is_folder() ? "folder" : *read_file((*node)->parts[0]);
  }
  struct stat info(const BuiltImage& image, std::string_view path) const {
    auto node = tree(image).find(path, LayeredTree::LastLink::kKeep);
    return node && *node ? (*node)->info : (struct stat){};
  }
  std::size_t layer_count() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(data_ / "layers"))
      count += entry.is_directory();
    return count;
  }
  const TestFolder data_{"images"};
  LayerStore layers_;
  std::optional<BaseImages> bases_;
  ChrootRunner runner_;
  std::optional<Builder> builder_;
  TextLog log_;
  std::atomic<bool> never_ = false;
  std::size_t first_layers_ = 0;
};

TEST_F(BuilderTest, RunMakesALayerAndLogs) {
  const BuiltImage image = build(input({"RUN echo hello && echo $FROM_HOST > /made",
                                        "RUN rm /etc/passwd", "RUN [\"/bin/sh\", \"-c\", \":\"]"}));
  EXPECT_EQ(image.layers.size(), 3u) << "the last command changed nothing";
  EXPECT_EQ(read(image, "/made"), "yes\n");
  EXPECT_EQ(read(image, "/etc/passwd"), "none");
  EXPECT_EQ(read(image, "/run/ionian-host"), "none") << "nothing of the host stays";
  EXPECT_NE(log_.all.find("=> Step 1: RUN echo hello"), log_.all.npos) << log_.all;
  EXPECT_NE(log_.all.find("\nhello\n"), log_.all.npos);
}

TEST_F(BuilderTest, VariablesOfImageSecretAndArgument) {
  BuildInput in = input({"ARG A=a", "ARG B", "ENV X=\"$A-${B:-b}\" Y='$A'", "ENV Z=$X",
                         "WORKDIR /w/${A}", "RUN echo \"$X $Y $Z $A $S $PWD $HOME\" > out"});
  in.build_args = {{"A", "1"}};
  in.secret_env = {{"S", "secret"}};
  const BuiltImage image = build(in);
  EXPECT_EQ(read(image, "/w/1/out"), "1-b $A 1-b 1 secret /w/1 /root\n");
  EXPECT_EQ(image.config.workdir, "/w/1");
  EXPECT_EQ(*find_variable(image.config.env, "Z"), "1-b");
  EXPECT_EQ(find_variable(image.config.env, "S"), nullptr);
  EXPECT_EQ(find_variable(image.config.env, "FROM_HOST"), nullptr);
}

TEST_F(BuilderTest, CommandsOfTheConfig) {
  const BuiltImage image =
      build(input({"CMD [\"a\"]", "ENTRYPOINT [\"e\", \"f\"]", "SHELL [\"/bin/sh\", \"-ec\"]",
                   "USER web", "CMD run it", "RUN id -u"}));
  EXPECT_EQ(image.config.entrypoint, (std::vector<std::string>{"e", "f"}));
  EXPECT_EQ(image.config.cmd, (std::vector<std::string>{"/bin/sh", "-ec", "run it"}));
  EXPECT_EQ(image.config.user, "web");
  EXPECT_NE(log_.all.find("\n33\n"), log_.all.npos) << log_.all;
  BuildInput next{.dockerfile_commands = {"FROM base", "ENTRYPOINT [\"g\"]"},
                  .base_images = {{"base", image}}};
  EXPECT_TRUE(build(next).config.cmd.empty()) << "a new entrypoint drops the base's command";
}

TEST_F(BuilderTest, CopyFilesAndFolders) {
  const std::string mount = data_ / "mount";
  ASSERT_TRUE(make_folders(mount + "/src/deep"));
  ASSERT_TRUE(write_file(mount + "/src/a.py", "a"));
  ASSERT_TRUE(write_file(mount + "/src/deep/b.py", "b"));
  ::chmod((mount + "/src/a.py").c_str(), 0755);
  BuildInput in = input({"COPY /.requirements.txt /.requirements.txt", "COPY src /link/src",
                         "COPY . /all", "COPY --chown=web --chmod=600 src/*.py one two /many/",
                         "COPY one /usr/lib", "WORKDIR /w", "COPY one here"},
                        {{"/.requirements.txt", "x==1"}, {"one", "1"}, {"two", "2"}});
  in.context_tree = mount;
  const BuiltImage image = build(in);
  EXPECT_EQ(read(image, "/.requirements.txt"), "x==1");
  EXPECT_EQ(read(image, "/usr/lib/src/deep/b.py"), "b") << "through the image's link";
  EXPECT_TRUE(S_ISLNK(info(image, "/link").st_mode));
  EXPECT_EQ(info(image, "/usr/lib/src/a.py").st_mode & 07777, 0755u);
  EXPECT_EQ(read(image, "/all/src/a.py"), "a");
  EXPECT_EQ(read(image, "/all/one"), "1");
  EXPECT_EQ(read(image, "/many/two"), "2");
  EXPECT_EQ(info(image, "/many/a.py").st_uid, 33u);
  EXPECT_EQ(info(image, "/many/a.py").st_gid, 34u);
  EXPECT_EQ(info(image, "/many/a.py").st_mode & 07777, 0600u);
  EXPECT_EQ(read(image, "/usr/lib/one"), "1");
  EXPECT_EQ(read(image, "/w/here"), "1");
}

TEST_F(BuilderTest, CopyCannotLeaveTheImage) {
  const BuiltImage image = build(
      input({"RUN ln() { :; }; cd / && mkdir d", "COPY one /../../../../escaped"}, {{"one", "1"}}));
  EXPECT_EQ(read(image, "/escaped"), "1");
  EXPECT_FALSE(fs::exists("/escaped"));
  const std::string layer = data_ / "layer";
  ASSERT_TRUE(make_folders(layer));
  ::symlink("/../../../../../../../../../../../../tmp", (layer + "/out").c_str());
  auto id = layers_.commit(layer, 0);
  BuildInput in{.dockerfile_commands = {"FROM base", "COPY one /out/ionian-escaped"},
                .base_images = {{"base", {.layers = {*id}}}},
                .context_files = {{"one", "1"}}};
  EXPECT_EQ(read(build(in), "/tmp/ionian-escaped"), "1");
  EXPECT_FALSE(fs::exists("/tmp/ionian-escaped"));
}

TEST_F(BuilderTest, StagesAndArchives) {
  ASSERT_TRUE(make_folders(data_ / "t/link"));
  ASSERT_TRUE(write_file(data_ / "t/link/z", "z"));
  ASSERT_EQ(run_command({.args = {"tar", "-C", data_ / "t", "-czf", data_ / "t.tgz", "."}})->code,
            0);
  BuildInput in =
      input({"RUN echo built > /result", "FROM scratch AS second", "COPY --from=0 /result /r/",
             "FROM tiny:1", "COPY --from=second /r /copied", "ADD t.tgz /"},
            {{"t.tgz", *read_file(data_ / "t.tgz")}});
  in.dockerfile_commands[0] = "FROM tiny:1 AS first";
  const BuiltImage image = build(in);
  EXPECT_EQ(read(image, "/copied/result"), "built\n");
  EXPECT_EQ(read(image, "/result"), "none");
  EXPECT_EQ(read(image, "/usr/lib/z"), "z") << "an archive's folder goes through the image's link";
  EXPECT_EQ(layer_count(), first_layers_ + 2) << "layers of other stages are gone";
}

TEST_F(BuilderTest, FailuresSayWhatAndLeaveNothing) {
  Status status = failure(input({"RUN touch /x", "RUN echo first; echo last words >&2; exit 7"}));
  EXPECT_EQ(status.code, Code::kFailedPrecondition);
  for (const char* part : {"exit 7", "exit code 7", "first\n", "last words"})
    EXPECT_NE(status.message.find(part), std::string::npos) << status.message;
  status = failure(input({"RUN touch /x", "COPY gone /x"}));
  EXPECT_EQ(status.code, Code::kInvalidArgument);
  EXPECT_NE(status.message.find("line 3"), std::string::npos) << status.message;
  EXPECT_EQ(failure(input({"COPY one two /many"}, {{"one", "1"}, {"two", "2"}})).code,
            Code::kInvalidArgument);
  EXPECT_EQ(failure(input({"COPY one /usr/lib/../bin/"}, {{"../one", "1"}})).code,
            Code::kInvalidArgument);
  EXPECT_EQ(failure(input({"FROM nowhere:1"})).code, Code::kInvalidArgument);
  EXPECT_EQ(failure({.dockerfile_commands = {"RUN x"}}).code, Code::kInvalidArgument);
  EXPECT_EQ(failure({.dockerfile_commands = {}}).code, Code::kInvalidArgument);
  std::atomic<bool> cancelled = true;
  EXPECT_EQ(builder_->build(input({"RUN touch /x"}), log_, cancelled).error().code,
            Code::kCancelled);
}

TEST_F(BuilderTest, AddAndCopyAreBoundLikeCommands) {
  runner_.bound = 2 << 20;
  const std::string zeros(3 << 19, '\0');  // one is less than the bound, two are more
  ASSERT_TRUE(make_folders(data_ / "bomb"));
  for (const char* name : {"/a", "/b"}) ASSERT_TRUE(write_file(data_ / "bomb" + name, zeros));
  const auto pack = [&](const std::string& names) {
    const std::string path = data_ / "bomb.tar.gz";
    EXPECT_EQ(
        run_command({.args = {"sh", "-c", "cd $0 && tar -czf $1 $2", data_ / "bomb", path, names}})
            ->code,
        0);
    return *read_file(path);
  };
  EXPECT_EQ(read(build(input({"ADD x.tar.gz /here/"}, {{"x.tar.gz", pack("a")}})), "/here/a"),
            zeros);
  first_layers_ = layer_count();
  for (const BuildInput& in : {input({"ADD x.tar.gz /here/"}, {{"x.tar.gz", pack(".")}}),
                               input({"COPY a b /here/"}, {{"a", zeros}, {"b", zeros}})}) {
    const Status status = failure(in);
    EXPECT_EQ(status.code, Code::kResourceExhausted);
    EXPECT_TRUE(status.message.ends_with(
        " /here/: it has written more than the 2 MiB that a step of a build may (the server's "
        "--build-disk)"))
        << status.message;
  }
}

TEST_F(BuilderTest, CancelEndsTheCommand) {
  class CancelOnOutput final : public BuildLog {
   public:
    explicit CancelOnOutput(std::atomic<bool>& flag) : flag_(flag) {}
    void write(int, std::string_view text) override {
      if (text.find("running") == 0) flag_ = true;
    }
    std::atomic<bool>& flag_;
  };
  std::atomic<bool> cancelled = false;
  CancelOnOutput log(cancelled);
  auto image = builder_->build(input({"RUN echo running; while :; do :; done"}), log, cancelled);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Code::kCancelled);
  EXPECT_EQ(layer_count(), first_layers_);
}

}  // namespace
}  // namespace ionian::images
