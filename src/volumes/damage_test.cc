// Files of volumes whose bytes have changed on the disk: found, set aside, shown to nobody, put
// back.
#include <fstream>

#include <gtest/gtest.h>

#include "base/pool.h"
#include "volumes/prover.h"
#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

namespace fs = std::filesystem;

class DamageTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    layers_ = *Layers::open_folder(new_folder(), *store_, *contents_, pool_,
                                   [](const std::string& folder) { fs::remove_all(folder); });
    contents_->on_damage([this](const WorkspaceId& workspace, const std::string& content) {
      for (const std::string& volume : store_->read([&](store::View& view) {
             return store::volumes_of_content(view, workspace, content);
           }))
        layers_->forget(volume);
      found_.set_value(content);
    });
  }

  std::string path_of(const store::VolumeContent& content, std::uint32_t mode = 0644) const {
    return contents_->path_of(kWorkspace, content.id, mode);
  }
  static void flip_first_byte(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.put('!');
  }
  std::vector<std::string> check(const store::VolumeContent& content) {
    return contents_->check({.workspace = kWorkspace, .content = content});
  }
  // What a new container would see, or why there is none.
  std::string shown() {
    const Result<Stack> stack = layers_->stack_of(kWorkspace, kVolume);
    if (!stack) return stack.error().message;
    return tree_in(Overlaid(new_folder(), stack->paths()).merged());
  }

  Pool pool_{1, 10};
  std::unique_ptr<Layers> layers_;
  std::promise<std::string> found_;
};

TEST_F(DamageTest, NobodyMountsItUntilItIsPutBack) {
  const auto content = put("d/f", "whole");
  put("g", "another");
  EXPECT_EQ(shown(), "d/\nd/f=whole\ng=another\n");
  flip_first_byte(path_of(content));
  EXPECT_EQ(check(content).size(), 1U);
  EXPECT_EQ(found_.get_future().get(), content.id);
  EXPECT_NE(shown().find("volume 'vo-1': /d/f is not on the server's disk as it was stored"),
            std::string::npos)
      << shown();
  EXPECT_FALSE(contents_->has(kWorkspace, content.id));
  EXPECT_EQ(check(content).size(), 1U) << "is told of until it is put back";
  put("d/f", "whole");
  EXPECT_EQ(shown(), "d/\nd/f=whole\ng=another\n");
  EXPECT_TRUE(check(content).empty());
  EXPECT_FALSE(fs::exists(path_of(content) + ".damaged"));
}

TEST_F(DamageTest, AFileThatIsRemovedIsInNobodysWay) {
  const auto content = put("f", "whole");
  put("g", "another");
  flip_first_byte(path_of(content));
  check(content);
  change({gone("f")});
  EXPECT_EQ(shown(), "g=another\n");
}

TEST_F(DamageTest, WhoReadsItFindsIt) {
  const auto content = put("f", "whole");
  flip_first_byte(path_of(content));
  const Result<std::string> read = contents_->read_block(kWorkspace, content, 0);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kDataLoss);
  EXPECT_EQ(found_.get_future().get(), content.id);
  EXPECT_NE(shown().find("/f is not on the server's disk"), std::string::npos);
}

TEST_F(DamageTest, AFileOfAnotherLengthIsSeenByWhoMountsIt) {
  const auto content = put("f", "whole");
  fs::resize_file(path_of(content), 3);
  EXPECT_NE(shown().find("/f is not on the server's disk"), std::string::npos);
}

TEST_F(DamageTest, AWholeFileThatCameMeanwhileStays) {
  const auto content = put("f", "whole");
  flip_first_byte(path_of(content));
  bool replaced = false;
  // It is read; before that is known to be wrong, somebody puts it back.
  const auto pace = [&](std::size_t) {
    fs::remove(path_of(content));
    put("f", "whole");
    return replaced = true;
  };
  contents_->check({.workspace = kWorkspace, .content = content}, pace);
  EXPECT_TRUE(replaced);
  EXPECT_EQ(shown(), "f=whole\n");
}

TEST_F(DamageTest, TheProverFindsItUnasked) {
  for (int i = 0; i < 50; ++i) put(cat("f", i), cat("bytes ", i));
  const auto content = put("g", "whole");
  flip_first_byte(path_of(content));
  SystemRandom random;
  const Prover prover(*store_, *contents_, random,
                      {.bytes_per_second = 1ULL << 40, .first_after = 0ns});
  EXPECT_EQ(found_.get_future().get(), content.id);
}

TEST_F(DamageTest, TheProverEndsInTheMiddleOfAFile) {
  put("f", std::string(4 << 20, 'x'));
  SystemRandom random;
  // A second for each byte.
  const Prover prover(*store_, *contents_, random, {.bytes_per_second = 1, .first_after = 0ns});
}

}  // namespace
}  // namespace ionian::volumes
