#pragma once
// A volume in a store of its own, and overlays on it as the kernel shows them, for tests.
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <future>

#include "store/objects.h"
#include "store/store_fixture.h"
#include "store/workspaces.h"
#include "volumes/layers.h"
#include "volumes/write.h"

namespace ionian::volumes {

// What is in a folder and below it, a line each: "a/", "a/f=bytes", "a/l -> target".
inline std::string tree_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> lines;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = each.path().lexically_relative(folder);
    if (each.is_symlink())
      lines[path] = " -> " + std::filesystem::read_symlink(each.path()).string();
    else if (each.is_directory())
      lines[path] = "/";
    else if (each.is_regular_file())
      lines[path] = "=" + read_file(each.path()).value_or("(cannot be read)");
    else
      lines[path] = " is no file";
  }
  std::string text;
  for (const auto& [path, line] : lines) text += path + line + "\n";
  return text;
}

// A writable overlay on a stack of layers, lowest first, as containers have it.
class Overlaid {
 public:
  Overlaid(std::string folder, const std::vector<std::string>& lowers) : at(std::move(folder)) {
    for (const char* part : {"/upper", "/work", "/merged"})
      EXPECT_TRUE(make_folders(at + part, 0755));
    std::string options = "redirect_dir=on,metacopy=off,index=off,upperdir=" + at +
                          "/upper,workdir=" + at + "/work,lowerdir=";
    for (auto lower = lowers.rbegin(); lower != lowers.rend(); ++lower)
      options += (lower == lowers.rbegin() ? "" : ":") + *lower;
    EXPECT_EQ(::mount("overlay", merged().c_str(), "overlay", 0, options.c_str()), 0)
        << options << ": " << sys_fail("mount").error().message;
  }
  Overlaid(const Overlaid&) = delete;
  ~Overlaid() { EXPECT_EQ(::umount2(merged().c_str(), MNT_DETACH), 0); }
  std::string merged() const { return at + "/merged"; }
  std::string upper() const { return at + "/upper"; }

  const std::string at;
};

class VolumeFixture : public store::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    // What a test mounts goes with its thread, however that ends.
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << "mounts need root";
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    contents_ = *Contents::open_folder(folder_ / "volumes");
    write([&](store::Tx& tx) {
      for (const WorkspaceId& workspace : {kWorkspace, kOther})
        insert_place(tx, workspace, EnvironmentId("en-" + workspace.str()), now_);
    });
    make_volume(kVolume, kWorkspace);
  }

  void make_volume(const std::string& id, const WorkspaceId& workspace) {
    write([&](store::Tx& tx) {
      store::DataObject object{.id = id,
                               .kind = "volume",
                               .workspace = workspace,
                               .environment = EnvironmentId("en-" + workspace.str()),
                               .name = id,
                               .created_by = "",
                               .created_at = now_};
      store::insert_object(tx, object);
      store::insert_volume(tx, id, 2);
    });
  }

  Contents::Batch batch(const WorkspaceId& workspace = kWorkspace) {
    return Contents::Batch(*contents_, workspace, known_contents(*store_, workspace));
  }
  static Change gone(const std::string& path) {
    return {.entry = {.path = path, .kind = store::EntryKind::kGone}};
  }
  static Change folder(const std::string& path, std::uint32_t mode = 0755) {
    return {.entry = {.path = path, .kind = store::EntryKind::kFolder, .mode = mode}};
  }
  static Change link(const std::string& path, const std::string& target) {
    return {.entry = {.path = path, .kind = store::EntryKind::kLink, .content = target}};
  }
  Change file(Contents::Batch& batch, const std::string& path, const std::string& bytes,
              std::uint32_t mode = 0644) {
    EXPECT_TRUE(write_file(folder_ / "bytes", bytes));
    const UniqueFd in(::open((folder_ / "bytes").c_str(), O_RDONLY | O_CLOEXEC));
    const Result<store::VolumeContent> content = batch.add(in.get(), mode, 0);
    EXPECT_TRUE(content.has_value());
    return {.entry = {.path = path, .mode = mode, .size = content->size, .content = content->id},
            .brought = *content};
  }
  Result<void> change(Contents::Batch& batch, const std::vector<Change>& changes,
                      const Target& target = {kVolume, kWorkspace}) {
    return write_changes(*store_, batch, target, changes, Manner::kContainer, {}, now_);
  }
  void change(const std::vector<Change>& changes) {
    Contents::Batch none = batch();
    EXPECT_TRUE(change(none, changes));
  }
  // One file, as a container writes it.
  store::VolumeContent put(const std::string& path, const std::string& bytes,
                           const Target& target = {kVolume, kWorkspace},
                           std::uint32_t mode = 0644) {
    Contents::Batch files = batch(target.workspace);
    const Change brought = file(files, path, bytes, mode);
    EXPECT_TRUE(change(files, {brought}, target));
    return *brought.brought;
  }

  // What the records say, as tree_in() has it.
  std::string recorded(const std::string& volume = kVolume) {
    const auto entries = store_->read([&](store::View& view) {
      return store::list_volume_entries(view, volume, "", store::Depth::kAll, "", 1'000'000);
    });
    std::map<std::string, std::string> lines;
    for (const store::VolumeEntry& entry : entries) {
      if (entry.kind == store::EntryKind::kFolder)
        lines[entry.path] = "/";
      else if (entry.kind == store::EntryKind::kLink)
        lines[entry.path] = " -> " + entry.content;
      else
        lines[entry.path] =
            "=" + read_file(contents_->path_of(kWorkspace, entry.content, entry.mode))
                      .value_or("(cannot be read)");
    }
    std::string text;
    for (const auto& [path, line] : lines) text += path + line + "\n";
    return text;
  }

  std::string new_folder() { return folder_ / cat(++folders_); }

  inline static const WorkspaceId kWorkspace{"ac-1"}, kOther{"ac-2"};
  inline static const std::string kVolume = "vo-1";
  Time now_{1'800'000'000s};
  std::unique_ptr<Contents> contents_;
  int folders_ = 0;
};

}  // namespace ionian::volumes
