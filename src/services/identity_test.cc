#include "services/identity.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "services/auth_tokens.h"
#include "services/token_rules.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

template <class T>
T value(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return *std::move(result);
}

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    EXPECT_TRUE(store->write_now([this](store::Tx& tx) -> Result<void> {
      workspace = WorkspaceId::make(random, clock.now());
      store::insert_workspace(tx, {.id = workspace, .name = "w", .image_builder_version = ""},
                              clock.now());
      environment = EnvironmentId::make(random, clock.now());
      store::insert_environment(
          tx, {.id = environment, .workspace = workspace, .name = "main", .web_suffix = ""},
          clock.now());
      user = UserId::make(random, clock.now());
      store::insert_user(tx, {user, "olga", "o@example.com", "", clock.now()});
      store::set_member(tx, workspace, user, "owner", clock.now());
      return {};
    }));
  }
  Actor actor() {
    return {.workspace = workspace,
            .principal = user.str(),
            .role = rpc::WorkspaceRole::kOwner,
            .source = "test",
            .now = clock.now()};
  }
  Result<TokenPair> create(NewToken wanted) {
    wanted.principal = user.str();
    Result<TokenPair> pair = fail(Code::kInternal, "not run");
    const auto done = store->write_now([&](store::Tx& tx) -> Result<void> {
      pair = rules.create(tx, actor(), wanted);
      return pair ? Result<void>() : std::unexpected(pair.error());
    });
    EXPECT_EQ(done.has_value(), pair.has_value());
    return pair;
  }
  Result<rpc::Caller> call(const TokenPair& pair,
                           const std::string& from = "ipv4:203.0.113.9:4711") {
    rpc::RequestHeaders headers;
    headers.token_id = pair.id.str();
    headers.token_secret = pair.secret;
    return identity.authenticate(headers, from);
  }
  std::string refusal(const TokenPair& pair, const std::string& from = "ipv4:203.0.113.9:4711") {
    const auto caller = call(pair, from);
    return caller ? "" : caller.error().message;
  }

  const TestFolder folder{"identity"};
  FakeClock clock;
  SystemRandom random;
  std::unique_ptr<store::Store> store =
      value(store::Store::open(folder.path(), value(store::Store::lock(folder.path()))));
  KeyFile key = value(KeyFile::open(folder / "secret.key", random));
  rpc::FdNumbers numbers{500, 1};
  AuthTokens auth_tokens{key};
  Identity identity{*store, key, auth_tokens, numbers, clock};
  TokenRules rules{identity, random, key};
  WorkspaceId workspace;
  EnvironmentId environment;
  UserId user;
};

TEST_F(IdentityTest, ATokenMayWhatItsOwnerMayOrLess) {
  const auto all = call(*create({.principal = "", .name = "all"}));
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->role, rpc::WorkspaceRole::kOwner);
  EXPECT_FALSE(all->limited);

  const auto viewer = call(*create({.principal = "", .name = "viewer", .role = "viewer"}));
  ASSERT_TRUE(viewer.has_value());
  EXPECT_EQ(viewer->role, rpc::WorkspaceRole::kMember);
  EXPECT_EQ(viewer->most, rpc::EnvironmentRole::kViewer);
  EXPECT_TRUE(viewer->limited);

  const auto scoped = call(
      *create({.principal = "", .name = "scoped", .scoped = true, .environments = {environment}}));
  ASSERT_TRUE(scoped.has_value());
  EXPECT_EQ(scoped->role, rpc::WorkspaceRole::kMember);
  ASSERT_TRUE(scoped->only);
  EXPECT_EQ(*scoped->only, std::vector{environment});
}

TEST_F(IdentityTest, AnOwnerWhoBecomesAMemberTakesTheTokensAlong) {
  const TokenPair pair = *create({.principal = "", .name = "t"});
  EXPECT_EQ(call(pair)->role, rpc::WorkspaceRole::kOwner);
  ASSERT_TRUE(store->write_now([&](store::Tx& tx) -> Result<void> {
    store::set_member(tx, workspace, user, "member", clock.now());
    return {};
  }));
  identity.forget_tokens();
  EXPECT_EQ(call(pair)->role, rpc::WorkspaceRole::kMember);
}

TEST_F(IdentityTest, ARotatedSecretHoldsForItsOverlap) {
  const TokenPair former = *create({.principal = "", .name = "t"});
  TokenPair fresh;
  ASSERT_TRUE(store->write_now([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(fresh, rules.rotate(tx, actor(), former.id, 1h));
    return {};
  }));
  identity.forget_tokens();
  EXPECT_EQ(fresh.id, former.id);
  EXPECT_TRUE(call(fresh));
  EXPECT_TRUE(call(former));
  clock.advance(1h);
  EXPECT_TRUE(call(fresh));
  EXPECT_NE(refusal(former).find("not known to this server"), std::string::npos);

  // Without an overlap the former one ends at once.
  const TokenPair second = fresh;
  ASSERT_TRUE(store->write_now([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(fresh, rules.rotate(tx, actor(), former.id, 0h));
    return {};
  }));
  identity.forget_tokens();
  EXPECT_TRUE(call(fresh));
  EXPECT_FALSE(call(second));
}

TEST_F(IdentityTest, WhatATokenCannotBe) {
  const auto message = [&](NewToken wanted) {
    const auto made = create(std::move(wanted));
    return made ? "" : made.error().message;
  };
  EXPECT_NE(message({.principal = "", .name = ""}).find("1 to 64 characters"), std::string::npos);
  EXPECT_NE(message({.principal = "", .name = "two\nlines"}).find("in one line"),
            std::string::npos);
  EXPECT_NE(message({.principal = "", .name = "t", .role = "emperor"}).find("not 'emperor'"),
            std::string::npos);
  EXPECT_NE(
      message({.principal = "", .name = "t", .scoped = true}).find("at least one environment"),
      std::string::npos);
  EXPECT_NE(
      message({.principal = "", .name = "t", .expires_at = clock.now()}).find("expired already"),
      std::string::npos);
  EXPECT_EQ(message({.principal = "", .name = "t"}), "");
  EXPECT_NE(message({.principal = "", .name = "t"}).find("You already have a token named t"),
            std::string::npos);
}

TEST_F(IdentityTest, AnAddressThatGuessesWaitsAndOthersDoNot) {
  const TokenPair right = *create({.principal = "", .name = "t"});
  const TokenPair wrong{right.id, "as-guess"};
  for (int i = 0; i < FailureLimits::kBurst; ++i)
    EXPECT_NE(refusal(wrong).find("not known to this server"), std::string::npos) << i;
  EXPECT_NE(refusal(wrong).find("too many wrong tokens came from this address"), std::string::npos);
  EXPECT_NE(refusal(right).find("too many wrong tokens"), std::string::npos);
  EXPECT_EQ(refusal(right, "ipv4:192.0.2.44:5"), "");
  EXPECT_EQ(identity.authenticate({}, "unix:")->kind, rpc::CallerKind::kOwner);
  clock.advance(FailureLimits::kRefill * 2);
  EXPECT_EQ(refusal(right), "");
}

TEST_F(IdentityTest, AnAuthTokenVerifiesUntilItExpiresAlsoAfterARotation) {
  AuthTokens tokens(key);
  const auto with = [&](auto f) {
    EXPECT_TRUE(store->write_now([&](store::Tx& tx) { return f(tx); }));
  };
  with([&](store::Tx& tx) { return tokens.load(tx, random, clock.now()); });
  const rpc::Caller caller = *call(*create({.principal = "", .name = "t"}));
  const std::string first = tokens.issue(caller, random, clock.now());
  EXPECT_EQ(tokens.verify(first, clock.now())->token, caller.token);

  with([&](store::Tx& tx) { return tokens.rotate(tx, random, clock.now()); });
  tokens.loaded();
  clock.advance(AuthTokens::kLife - 1s);
  EXPECT_TRUE(tokens.verify(first, clock.now()));
  const std::string second = tokens.issue(caller, random, clock.now());

  // A restart finds the same keys.
  AuthTokens again(key);
  with([&](store::Tx& tx) { return again.load(tx, random, clock.now()); });
  EXPECT_TRUE(again.verify(first, clock.now()));
  EXPECT_TRUE(again.verify(second, clock.now()));

  // Once nothing that it signed is valid, a key goes.
  clock.advance(2s);
  EXPECT_NE(tokens.verify(first, clock.now()).error().message.find("expired"), std::string::npos);
  with([&](store::Tx& tx) { return tokens.rotate(tx, random, clock.now()); });
  EXPECT_EQ(store->read([](store::View& view) { return store::list_signing_keys(view).size(); }),
            2u);
  std::string forged = second;
  forged[forged.size() / 2] ^= 1;
  EXPECT_FALSE(tokens.verify(forged, clock.now()));
  EXPECT_FALSE(tokens.verify("a.b.c", clock.now()));
  EXPECT_FALSE(tokens.verify("", clock.now()));
}

}  // namespace
}  // namespace ionian::services
