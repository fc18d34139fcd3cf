#pragma once
// A store in a folder of its own, for tests.
#include <gtest/gtest.h>

#include "base/file.h"
#include "store/store.h"

namespace ionian::store {

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "ionian-store-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    store_ = *Store::open(folder_, *Store::lock(folder_));
  }
  void TearDown() override {
    store_.reset();
    EXPECT_TRUE(remove_tree(folder_));
  }
  void write(const std::function<void(Tx&)>& f) {
    const auto done = store_->write_now([&](Tx& tx) -> Result<void> {
      f(tx);
      return {};
    });
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace ionian::store
