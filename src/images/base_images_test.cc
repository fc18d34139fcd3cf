// The local store: OCI layouts, archives, root file systems, and a registry on this machine. As
// root.
#include "images/base_images.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/test_folder.h"
#include "blobs/hash.h"
#include "images/archive.h"
#include "images/folder_lock.h"
#include "images/layered_tree.h"
#include "images/subprocess.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The distribution protocol's reading half for one image "x:1" out of an OCI layout; prints its
// port.
constexpr const char* kRegistry = R"py(
import http.server, json, os, re, sys
root = sys.argv[1]
index = json.load(open(root + "/index.json"))["manifests"][0]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self): self.answer(False)
    def do_GET(self): self.answer(True)
    def log_message(self, *a): pass
    def answer(self, body):
        kind, data = "application/octet-stream", None
        match = re.match(r"/v2/x/(manifests|blobs)/(.*)", self.path)
        if self.path == "/v2/": data = b"{}"
        elif match:
            digest = index["digest"] if match[2] == "1" else match[2]
            path = root + "/blobs/sha256/" + digest[7:]
            if os.path.isfile(path): data = open(path, "rb").read()
            if match[1] == "manifests": kind = index["mediaType"]
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if body and data: self.wfile.write(data)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
)py";

class SilentLog final : public BuildLog {
 public:
  void write(int, std::string_view) override {}
};

class BaseImagesTest : public testing::Test {
 protected:
  BaseImagesTest() : layers_(*LayerStore::open_folder(data_ / "layers")) {
    open(Registries::kNever, "");
  }
  void open(Registries registries, std::string conf, std::uint64_t disk_bytes = 0) {
    bases_.emplace(*BaseImages::open_folder(
        {data_ / "bases", cache_folder() + "/bases", registries, std::move(conf), {}, disk_bytes},
        layers_));
  }
  void sh(const std::string& script) {
    auto done = run_command({.args = {"sh", "-ec", script}, .workdir = data_.path()});
    EXPECT_TRUE(done && done->code == 0) << done->tail;
  }
  // Puts a file into the layout as a blob.
  Json blob(const std::string& path, const std::string& type) {
    const std::string content = *read_file(path), hash = blobs::sha256_hex(content);
    EXPECT_TRUE(make_folders(data_ / "oci/blobs/sha256"));
    EXPECT_TRUE(write_file(data_ / "oci/blobs/sha256/" + hash, content));
    return {{"mediaType", type}, {"digest", "sha256:" + hash}, {"size", content.size()}};
  }
  // A layout of two layers, the second of which hides parts of the first.
  void make_layout(bool zstd = true) {
    sh("mkdir -p a/etc/old a/usr/bin b/etc/old b/usr/bin; echo 1 > a/etc/old/x; echo 1 > a/gone; "
       "ln -s usr/bin a/bin;"
       "echo 1 > a/usr/bin/tool; chmod 4755 a/usr/bin/tool; ln a/usr/bin/tool a/usr/bin/tool2; "
       "chown 33:34 a/gone;"
       "touch b/.wh.gone b/etc/old/.wh..wh..opq; echo 2 > b/etc/old/y;"
       "tar -C a -czf a.tgz .; tar -C b -c . | " +
       std::string(zstd ? "zstd -q" : "gzip") + " > b.tzst");
    const Json layers = {
        blob(data_ / "a.tgz", "application/vnd.oci.image.layer.v1.tar+gzip"),
        blob(data_ / "b.tzst", zstd ? "application/vnd.oci.image.layer.v1.tar+zstd"
                                    : "application/vnd.oci.image.layer.v1.tar+gzip")};
    sh("tar -C a -c . | sha256sum | cut -c1-64 > a.id; tar -C b -c . | sha256sum | cut -c1-64 > "
       "b.id");
    const Json config = {
        {"architecture", "amd64"},
        {"os", "linux"},
        {"config",
         {{"Env", {"PATH=/bin", "A=b=c"}},
          {"WorkingDir", "/w"},
          {"User", "1000"},
          {"Entrypoint", {"/init"}},
          {"Cmd", {"run"}}}},
        {"rootfs", {{"type", "layers"}, {"diff_ids", {diff_id("a.id"), diff_id("b.id")}}}}};
    EXPECT_TRUE(write_file(data_ / "config", config.dump()));
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    const Json manifest = {
        {"schemaVersion", 2},
        {"mediaType", type},
        {"config", blob(data_ / "config", "application/vnd.oci.image.config.v1+json")},
        {"layers", layers}};
    EXPECT_TRUE(write_file(data_ / "manifest", manifest.dump()));
    EXPECT_TRUE(write_file(
        data_ / "oci/index.json",
        Json{{"schemaVersion", 2}, {"manifests", {blob(data_ / "manifest", type)}}}.dump()));
    EXPECT_TRUE(write_file(data_ / "oci/oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  }
  std::string diff_id(const char* file) {
    return "sha256:" + read_file(data_ / file)->substr(0, 64);
  }
  void check(const Result<BuiltImage>& image) {
    ASSERT_TRUE(image) << image.error().message;
    ASSERT_EQ(image->layers.size(), 2u);
    const LayeredTree tree({layers_.path_of(image->layers[0]), layers_.path_of(image->layers[1])});
    EXPECT_FALSE(*tree.find("/gone"));
    EXPECT_FALSE(*tree.find("/etc/old/x"));
    EXPECT_TRUE(*tree.find("/etc/old/y"));
    const auto tool = *tree.find("/bin/tool2");
    ASSERT_TRUE(tool);
    EXPECT_EQ(tool->info.st_mode & 07777, 04755u);
    EXPECT_EQ(tool->info.st_nlink, 2u);
    EXPECT_EQ(*find_variable(image->config.env, "A"), "b=c");
    EXPECT_EQ(image->config.entrypoint, std::vector<std::string>{"/init"});
    EXPECT_EQ(image->config.user, "1000");
  }
  Result<BuiltImage> get(std::string_view tag) { return bases_->get(tag, log_, never_); }
  std::size_t layer_count() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(data_ / "layers"))
      count += entry.is_directory();
    return count;
  }
  const TestFolder data_{"images"};
  LayerStore layers_;
  std::optional<BaseImages> bases_;
  SilentLog log_;
  std::atomic<bool> never_ = false;
};

TEST_F(BaseImagesTest, LayoutsArchivesAndTheStore) {
  make_layout();
  sh("tar -C oci -cf oci.tar .");
  ASSERT_TRUE(bases_->import("folder:1", data_ / "oci", never_));
  check(get("folder:1"));
  ASSERT_TRUE(bases_->import("docker.io/library/tar:1", data_ / "oci.tar", never_));
  check(get("tar:1"));
  auto list = bases_->list();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].tag, "folder:1");
  EXPECT_EQ((*list)[0].source, "import");
  auto unused = bases_->remove("folder:1");
  ASSERT_TRUE(unused);
  EXPECT_EQ(unused->size(), 2u);
  EXPECT_EQ(bases_->remove("folder:1").error().code, Code::kNotFound);
  EXPECT_EQ(get("folder:1").error().code, Code::kInvalidArgument);
  EXPECT_EQ(get("scratch")->layers.size(), 0u);
}

TEST_F(BaseImagesTest, DockerSaveBySkopeo) {
  make_layout(false);
  sh("skopeo copy oci:oci docker-archive:saved.tar:x:1");
  auto done = bases_->import("saved:1", data_ / "saved.tar", never_);
  ASSERT_TRUE(done) << done.error().message;
  check(get("saved:1"));
}

TEST_F(BaseImagesTest, PullsFromARegistryOnce) {
  make_layout();
  ASSERT_TRUE(write_file(data_ / "registry.py", kRegistry));
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(pipe_fds[1], 1);
    ::execlp("python3", "python3", (data_ / "registry.py").c_str(), (data_ / "oci").c_str(),
             nullptr);
    ::_exit(127);
  }
  ::close(pipe_fds[1]);
  char text[16] = {};
  ASSERT_GT(::read(pipe_fds[0], text, sizeof text - 1), 0);
  const std::string host = cat("127.0.0.1:", std::atoi(text));
  ASSERT_TRUE(write_file(data_ / "registries.conf",
                         cat("[[registry]]\nlocation = \"", host, "\"\ninsecure = true\n")));
  open(Registries::kTry, data_ / "registries.conf", 1);
  const Status refused = get(host + "/x:1").error();
  EXPECT_EQ(refused.code, Code::kResourceExhausted);
  EXPECT_TRUE(refused.message.starts_with(cat("pull ", host, "/x:1: it has written more than")))
      << refused.message;
  EXPECT_EQ(layer_count(), 0u);
  open(Registries::kTry, data_ / "registries.conf");
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { check(get(host + "/x:1")); });
  threads.clear();
  EXPECT_EQ(layer_count(), 2u);
  EXPECT_FALSE(get(host + "/x:2"));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(pipe_fds[0]);
  check(get(host + "/x:1"));
  EXPECT_EQ(get(host + "/x:3").error().code, Code::kInvalidArgument);
}

TEST_F(BaseImagesTest, WhoWaitsForAnothersBuildCanBeCancelled) {
  class CancelOnOutput final : public BuildLog {
   public:
    void write(int, std::string_view) override { cancelled = true; }
    std::atomic<bool> cancelled = false;
  };
  bases_.emplace(*BaseImages::open_folder(
      {data_ / "bases", data_ / "cache", Registries::kNever, "", {}}, layers_));
  const std::string tag = "debian:bookworm-slim", recipe = recipe_for(tag)->name();
  const std::string of_tag = blobs::sha256_hex(tag).substr(0, 32);
  for (const auto& [folder, name] :
       {std::pair(data_ / "bases", of_tag), std::pair(data_ / "bases", recipe),
        std::pair(data_ / "cache", recipe)}) {
    auto held = lock_in_folder(folder, name);
    ASSERT_TRUE(held) << held.error().message;
    CancelOnOutput log;
    log.cancelled = name == of_tag;  // nothing is said before that lock
    auto waiting =
        std::async(std::launch::async, [&] { return bases_->get(tag, log, log.cancelled); });
    const bool ended = waiting.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    held->reset();
    EXPECT_TRUE(ended) << folder << "/" << name;
    EXPECT_EQ(waiting.get().error().code, Code::kCancelled);
  }
}

TEST_F(BaseImagesTest, DamagedAndHostileImagesLeaveNothing) {
  make_layout();
  // The second layer's blob is cut.
  const std::string second =
      data_ / "oci/blobs/sha256/" + blobs::sha256_hex(*read_file(data_ / "b.tzst"));
  fs::resize_file(second, 10);
  EXPECT_EQ(bases_->import("cut:1", data_ / "oci", never_).error().code, Code::kInvalidArgument);
  EXPECT_EQ(layer_count(), 0u);
  ASSERT_TRUE(write_file(data_ / "noise", std::string(5000, 'x')));
  EXPECT_EQ(bases_->import("noise:1", data_ / "noise", never_).error().code,
            Code::kInvalidArgument);
  EXPECT_EQ(bases_->import("none:1", data_ / "none", never_).error().code, Code::kNotFound);
  EXPECT_EQ(bases_->import("--x", data_ / "oci", never_).error().code, Code::kInvalidArgument);

  sh("mkdir h; ln -s /tmp h/out; tar -C h -cf h.tar out; rm h/out; mkdir h/out; echo 1 > "
     "h/out/ionian-escaped;"
     "tar -C h -rf h.tar out/ionian-escaped; echo 1 > up; mkdir s; tar -C s -P -cf up.tar ../up");
  (void)bases_->import("hostile:1", data_ / "h.tar", never_);
  EXPECT_FALSE(fs::exists("/tmp/ionian-escaped"));
  EXPECT_EQ(bases_->import("up:1", data_ / "up.tar", never_).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ionian::images
