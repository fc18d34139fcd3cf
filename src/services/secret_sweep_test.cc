#include "services/secret_sweep.h"

#include <gtest/gtest.h>

#include "base/cat.h"
#include "modal_proto/function.pb.h"
#include "store/apps.h"
#include "store/secrets.h"
#include "store/store_fixture.h"

namespace ionian::services {
namespace {

class SecretSweepTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    write([&](store::Tx& tx) {
      insert_place(tx, kWorkspace, kEnvironment, clock_.now());
      store::insert_app(tx, {.id = kApp,
                             .workspace = kWorkspace,
                             .environment = kEnvironment,
                             .created_at = clock_.now()});
    });
  }
  void secret(const std::string& id, const AppId& app, const std::string& name = "") {
    write([&](store::Tx& tx) {
      store::insert_secret(tx,
                           {.id = SecretId(id),
                            .workspace = kWorkspace,
                            .environment = kEnvironment,
                            .name = name,
                            .app = app,
                            .sealed = "sealed",
                            .created_by = "",
                            .created_at = clock_.now(),
                            .last_used_at = {}},
                           clock_.now());
    });
  }
  void function(const modal::client::Function& definition) {
    write([&](store::Tx& tx) {
      store::insert_function(tx,
                             {.id = FunctionId(cat("fu-", ++functions_)),
                              .app = kApp,
                              .tag = "f",
                              .definition_id = cat("de-", functions_),
                              .definition = definition.SerializeAsString()},
                             clock_.now());
    });
  }
  void stop() {
    write([&](store::Tx& tx) { store::set_app_stopped(tx, kApp, 5, clock_.now()); });
  }
  std::string left_after(Duration time) {
    clock_.advance(time);
    sweep_secrets(*store_, clock_.now());
    std::string ids;
    store_->read([&](store::View& view) {
      for (const store::Secret& s : store::all_secrets_of(view, kEnvironment))
        ids += s.id.str() + ' ';
    });
    return ids;
  }

  inline static const WorkspaceId kWorkspace{"ac-1"};
  inline static const EnvironmentId kEnvironment{"en-1"};
  inline static const AppId kApp{"ap-1"};
  FakeClock clock_;
  int functions_ = 0;
};

TEST_F(SecretSweepTest, OneOfAnAppGoesAWeekAfterIt) {
  secret("st-of1app", kApp);
  secret("st-named", kApp, "name");
  EXPECT_EQ(left_after(29 * 24h), "st-of1app st-named ");
  stop();
  EXPECT_EQ(left_after(24h), "st-of1app st-named ");
  EXPECT_EQ(left_after(7 * 24h), "st-named ");
  EXPECT_EQ(left_after(1000 * 24h), "st-named ");
}

TEST_F(SecretSweepTest, OneThatNoFunctionHasGoesAMonthAfterItsLastUse) {
  secret("st-held1by2a3client", {});
  secret("st-used", {});
  EXPECT_EQ(left_after(20 * 24h), "st-held1by2a3client st-used ");
  write([&](store::Tx& tx) { store::note_secret_use(tx, SecretId("st-used"), clock_.now()); });
  EXPECT_EQ(left_after(11 * 24h), "st-used ");
  EXPECT_EQ(left_after(20 * 24h), "");
}

TEST_F(SecretSweepTest, AFunctionKeepsWhatItNamesInAnyOfItsFields) {
  secret("st-variable", kApp);
  secret("st-bucket", {});
  secret("st-nobody", {});
  modal::client::Function with_variables, with_bucket;
  with_variables.add_secret_ids("st-variable");
  with_bucket.add_cloud_bucket_mounts()->set_credentials_secret_id("st-bucket");
  with_bucket.set_function_name("st-another");
  function(with_variables);
  function(with_bucket);
  EXPECT_EQ(left_after(31 * 24h), "st-variable st-bucket ");
  stop();
  EXPECT_EQ(left_after(7 * 24h), "st-variable st-bucket ");
  EXPECT_EQ(left_after(1s), "");
}

}  // namespace
}  // namespace ionian::services
