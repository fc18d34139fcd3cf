// A secret that cannot be opened any more.
#include "modal_proto/secret.pb.h"
#include "outcome.h"

namespace ionian::server {
namespace {

class DamagedSecretTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
      store::update_secret(tx, SecretId(w.a.secret), "not what was sealed");
      store::insert_secret(tx,
                           {.id = whole_,
                            .workspace = w.workspace_a,
                            .environment = EnvironmentId(w.a.environment),
                            .name = "whole",
                            .app = {},
                            .sealed = w.whole.key.seal(R"({"KEY": "value"})", w.whole.random)},
                           w.whole.clock.now());
      return {};
    }));
  }
  std::string answer(const std::string& path, const rpc::Caller& who,
                     const google::protobuf::Message& request) {
    return outcome_of(w, *w.whole.table.find(path), who, request).answer;
  }
  std::string modal(const std::string& name, const google::protobuf::Message& request) {
    return answer(cat(rpc::Table::kModal, name), w.owner, request);
  }
  std::string info(const std::string& id) {
    modal::client::SecretGetInfoRequest request;
    request.set_secret_id(id);
    return modal("SecretGetInfo", request);
  }

  World w;
  const SecretId whole_ = SecretId::make(w.whole.random, w.whole.clock.now());
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(DamagedSecretTest, ItIsListedAndNamedWithWhatMendsIt) {
  modal::client::SecretListRequest list;
  list.set_environment_name(w.a.environment_name);
  const std::string listed = modal("SecretList", list);
  EXPECT_TRUE(has(listed, w.a.secret)) << listed;
  EXPECT_TRUE(has(listed, whole_.str()) && has(listed, "keys: \"KEY\"")) << listed;
  const std::string refused = info(w.a.secret);
  EXPECT_TRUE(refused.starts_with("DATA_LOSS")) << refused;
  EXPECT_TRUE(has(refused, cat("secret 's' (", w.a.secret, ") of environment 'a-stage'")))
      << refused;
  EXPECT_TRUE(has(refused, "modal secret create --force s")) << refused;
  modal::client::SecretGetOrCreateRequest replace;
  replace.set_deployment_name("s");
  replace.set_environment_name(w.a.environment_name);
  replace.set_object_creation_type(modal::client::OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS);
  (*replace.mutable_env_dict())["NEW"] = "1";
  const std::string replaced = modal("SecretGetOrCreate", replace);
  EXPECT_TRUE(replaced.starts_with("OK") && has(replaced, "keys: \"NEW\"")) << replaced;
}

TEST_F(DamagedSecretTest, TheOthersAreSealedAnewWithoutIt) {
  const rpc::Method& rotate = *w.whole.table.find("/ionian.Admin/SecretKeyRotate");
  const std::string rotated = outcome_of(w, rotate, w.machine_owner, *rotate.make_request()).answer;
  EXPECT_TRUE(has(rotated, "secrets: 3 ")) << rotated;
  EXPECT_TRUE(has(rotated,
                  cat("damaged { id: \"", w.a.secret, "\" name: \"s\" environment: \"a-stage\" }")))
      << rotated;
  EXPECT_TRUE(has(info(whole_.str()), "keys: \"KEY\"")) << info(whole_.str());
}

}  // namespace
}  // namespace ionian::server
