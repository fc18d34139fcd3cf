#pragma once
// A store in a folder of its own, for tests.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "store/store.h"
#include "store/workspaces.h"

namespace ionian::store {

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override { store_ = *Store::open(folder_.path(), *Store::lock(folder_.path())); }
  void write(const std::function<void(Tx&)>& f) {
    const auto done = store_->write_now([&](Tx& tx) -> Result<void> {
      f(tx);
      return {};
    });
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  // What most records belong to.
  static void insert_place(Tx& tx, const WorkspaceId& workspace, const EnvironmentId& environment,
                           Time now) {
    insert_workspace(tx, {.id = workspace, .name = workspace.str(), .image_builder_version = ""},
                     now);
    insert_environment_of(tx, workspace, environment, "main", now);
  }
  static void insert_environment_of(Tx& tx, const WorkspaceId& workspace, const EnvironmentId& id,
                                    const std::string& name, Time now) {
    insert_environment(tx,
                       {.id = id,
                        .workspace = workspace,
                        .name = name,
                        .web_suffix = id.str(),
                        .image_builder_version = "",
                        .created_at = now},
                       now);
  }

  const TestFolder folder_{"store"};
  std::unique_ptr<Store> store_;
};

}  // namespace ionian::store
