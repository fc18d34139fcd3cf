// Files that come block by block: what counts as there, and who may take it.
#include "volumes/uploads.h"

#include <gtest/gtest.h>

#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

class UploadsTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    uploads_ = std::make_unique<Uploads>(contents_->root());
  }
  static store::VolumeContent content_of(const std::string& bytes) {
    BlockHasher hasher;
    hasher.update(bytes);
    return hasher.finish();
  }
  std::vector<bool> begin(const store::VolumeContent& content) {
    return uploads_->begin(kWorkspace, content, now_).value();
  }
  void send(const store::VolumeContent& content, const std::string& bytes, std::uint64_t number) {
    const std::string block = bytes.substr(number * kBlockBytes, kBlockBytes);
    auto place = uploads_->receive(kWorkspace, content.id, number, block_hash(block));
    EXPECT_TRUE(place && place->write(block) && place->finish());
  }
  // As an upload's last call does it.
  Result<void> store_as(const std::string& path, const store::VolumeContent& content,
                        Manner manner) {
    const Uploads::Hold hold = uploads_->hold(kWorkspace, {content.id});
    Contents::Batch files = batch();
    ASSIGN_OR_RETURN(const std::string file, uploads_->finish(kWorkspace, content));
    files.add_finished(file, content, 0644);
    const Change change{.entry = {.path = path, .size = content.size, .content = content.id},
                        .brought = content};
    return write_changes(*store_, files, {kVolume, kWorkspace}, {change}, manner, {}, now_);
  }
  bool known(const store::VolumeContent& content) {
    return known_contents(*store_, kWorkspace)(content.id);
  }

  std::unique_ptr<Uploads> uploads_;
};

TEST_F(UploadsTest, WhatWasRefusedNeedNotComeAgainAndIsWhole) {
  put("f", "taken");
  const std::string bytes = "not seen before";
  const auto content = content_of(bytes);
  EXPECT_EQ(begin(content), std::vector{false});
  send(content, bytes, 0);
  const Result<void> refused = store_as("f", content, Manner::kUploadNew);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kAlreadyExists);
  EXPECT_EQ(recorded(), "f=taken\n");
  EXPECT_TRUE(known(content));
  EXPECT_EQ(contents_->read_block(kWorkspace, content, 0).value_or("?"), bytes);
}

TEST_F(UploadsTest, WhatWasTakenIsNotThereForTheNextOne) {
  const std::string bytes = "taken, and its records lost";
  const auto content = content_of(bytes);
  begin(content);
  send(content, bytes, 0);
  {
    const Uploads::Hold hold = uploads_->hold(kWorkspace, {content.id});
    Contents::Batch files = batch();
    files.add_finished(*uploads_->finish(kWorkspace, content), content, 0644);
  }
  EXPECT_EQ(begin(content), std::vector{false}) << "its file went with the batch";
  const Result<void> stored = store_as("f", content, Manner::kUpload);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Code::kUnavailable);
  send(content, bytes, 0);
  EXPECT_TRUE(store_as("f", content, Manner::kUpload));
  EXPECT_EQ(recorded(), "f=" + bytes + "\n");
}

TEST_F(UploadsTest, TwoWhoFinishTheSameFileDoSoOneAfterTheOther) {
  const std::string bytes = "sent by two";
  const auto content = content_of(bytes);
  begin(content);
  send(content, bytes, 0);
  std::future<bool> second;
  {
    const Uploads::Hold first = uploads_->hold(kWorkspace, {content.id});
    second = std::async(std::launch::async, [&] {
      const Uploads::Hold hold = uploads_->hold(kWorkspace, {"another", content.id});
      return known(content);
    });
    Contents::Batch files = batch();
    files.add_finished(*uploads_->finish(kWorkspace, content), content, 0644);
    const Change change{.entry = {.path = "f", .size = content.size, .content = content.id},
                        .brought = content};
    EXPECT_TRUE(this->change(files, {change}));
  }
  EXPECT_TRUE(second.get()) << "by then the first one has brought it";
}

TEST_F(UploadsTest, AfterACutOnlyWhatIsMissingComesAgain) {
  std::string bytes(kBlockBytes * 2 + 5, 'x');
  bytes[0] = 'a', bytes.back() = 'z';
  const auto content = content_of(bytes);
  EXPECT_EQ(begin(content), (std::vector{false, false, false}));
  send(content, bytes, 0);
  send(content, bytes, 2);
  {
    auto cut = uploads_->receive(kWorkspace, content.id, 1, "what it would have been");
    EXPECT_TRUE(cut && cut->write("half of it"));
  }
  EXPECT_EQ(begin(content), (std::vector{true, false, true}));
  uploads_ =
      std::make_unique<Uploads>(contents_->root());  // the server has ended, and is there again
  EXPECT_EQ(begin(content), (std::vector{true, false, true}));
  EXPECT_FALSE(store_as("f", content, Manner::kUpload)) << "one block is not there";
  send(content, bytes, 1);
  EXPECT_TRUE(store_as("f", content, Manner::kUpload));
  EXPECT_EQ(recorded(), "f=" + bytes + "\n");
}

TEST_F(UploadsTest, AFileWhoseRecordWasNeverWrittenNeedNotComeAgain) {
  const std::string bytes = "its server fell";
  {
    Contents::Batch files = batch();
    file(files, "f", bytes);
    ASSERT_TRUE(files.commit());
  }
  const auto content = content_of(bytes);
  ASSERT_TRUE(contents_->has(kWorkspace, content.id) && !known(content));
  Contents::Batch files = batch();
  ASSERT_TRUE(files.add_stored(content, 0644));
  const Change change{.entry = {.path = "f", .size = content.size, .content = content.id},
                      .brought = content};
  EXPECT_TRUE(
      write_changes(*store_, files, {kVolume, kWorkspace}, {change}, Manner::kUpload, {}, now_));
  EXPECT_EQ(recorded(), "f=" + bytes + "\n");
  EXPECT_TRUE(known(content));
}

TEST_F(UploadsTest, WhatFindsNoRoomIsRefusedBeforeItComes) {
  EXPECT_TRUE(uploads_->check_room(1));
  EXPECT_EQ(uploads_->check_room(std::uint64_t{1} << 60).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ionian::volumes
