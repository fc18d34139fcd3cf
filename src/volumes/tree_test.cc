// What a client may do to a tree, and what stands in its way.
#include "volumes/tree.h"

#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

class TreeTest : public VolumeFixture {
 protected:
  // As VolumeCopyFiles does it, with what is below folders.
  Result<void> copy(const std::string& from, const std::string& to) {
    return store_->write_now([&](store::Tx& tx) -> Result<void> {
      store::Volume volume = *store::find_volume(tx, kVolume);
      ASSIGN_OR_RETURN(const std::vector<Change> changes,
                       plan_copy(tx, volume, {.from = {from}, .to = to, .recursive = true}));
      return apply(tx, volume, changes, Manner::kUpload, {}, now_);
    });
  }
  void expect_refused(const std::string& from, const std::string& to, const std::string& what) {
    const std::string before = recorded();
    const Result<void> copied = copy(from, to);
    ASSERT_FALSE(copied) << recorded();
    EXPECT_EQ(copied.error().code, Code::kAlreadyExists);
    EXPECT_NE(copied.error().message.find(what), std::string::npos) << copied.error().message;
    EXPECT_EQ(recorded(), before);
  }
};

TEST_F(TreeTest, ACopiedFolderTakesNoFilesPlace) {
  put("d/x/a", "1");
  put("f", "a file");
  put("into/d/x", "a file");
  put("into/f/b", "2");
  change({link("l", "f")});
  expect_refused("d", "f", "/f is no folder");
  expect_refused("d", "l", "/l is no folder");
  expect_refused("d", "into", "/into/d/x is no folder");
  expect_refused("f", "into", "/into/f is a folder");
  // What a folder meets of its own kind is one with it.
  put("into/d/y", "3");
  change({gone("into/d/x")});
  EXPECT_TRUE(copy("d", "into"));
  EXPECT_EQ(recorded(),
            "d/\nd/x/\nd/x/a=1\nf=a file\ninto/\ninto/d/\ninto/d/x/\ninto/d/x/a=1\ninto/d/y=3\n"
            "into/f/\ninto/f/b=2\nl -> f\n");
}

}  // namespace
}  // namespace ionian::volumes
