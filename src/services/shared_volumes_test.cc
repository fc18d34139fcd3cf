// When the folders of network file systems leave the disk.
#include "services/shared_volumes.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "store/objects.h"
#include "store/store_fixture.h"

namespace ionian::services {
namespace {

class SharedVolumeSweepTest : public store::StoreFixture {
 protected:
  std::string folder_of(const std::string& id) const {
    return shared_folder_of(folder_ / "shared", id);
  }
  // A file system with a file in it.
  void make(const std::string& id) {
    write([&](store::Tx& tx) {
      store::DataObject object{.id = id,
                               .kind = std::string(kSharedVolumeKind.kind),
                               .workspace = kWorkspace,
                               .environment = kEnvironment,
                               .name = id,
                               .created_by = "",
                               .created_at = clock_.now()};
      store::insert_object(tx, object);
    });
    ASSERT_TRUE(make_folders(folder_of(id)));
    ASSERT_TRUE(write_file(cat(folder_of(id), "/file"), "bytes"));
  }
  void remove(const std::string& id) {
    write([&](store::Tx& tx) { store::remove_object(tx, id); });
  }
  bool there_after_sweep(const std::string& id) {
    sweep_shared_volumes(*store_, folder_ / "shared", mounts_);
    return read_file(cat(folder_of(id), "/file")).has_value();
  }

  inline static const WorkspaceId kWorkspace{"ac-1"};
  inline static const EnvironmentId kEnvironment{"en-1"};
  FakeClock clock_;
  SharedMounts mounts_;
};

TEST_F(SharedVolumeSweepTest, OneThatIsGoneStaysForTheContainersThatHaveIt) {
  write([&](store::Tx& tx) { insert_place(tx, kWorkspace, kEnvironment, clock_.now()); });
  make("sv-1");
  make("sv-2");
  for (const char* task : {"ta-1", "ta-2"})
    mounts_.add(TaskId(task), {"/elsewhere", folder_of("sv-1")});
  mounts_.add(TaskId("ta-3"), {folder_of("sv-2")});
  mounts_.remove(TaskId("ta-3"));
  EXPECT_TRUE(there_after_sweep("sv-2")) << "it has its record";
  remove("sv-1");
  remove("sv-2");
  EXPECT_TRUE(there_after_sweep("sv-1"));
  EXPECT_FALSE(there_after_sweep("sv-2"));
  mounts_.remove(TaskId("ta-1"));
  EXPECT_TRUE(there_after_sweep("sv-1")) << "the other one has it still";
  mounts_.remove(TaskId("ta-2"));
  EXPECT_FALSE(there_after_sweep("sv-1"));
}

}  // namespace
}  // namespace ionian::services
