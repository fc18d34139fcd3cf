#include "services/member_rules.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "services/link_rules.h"
#include "store/audit.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

using rpc::WorkspaceRole;

// halcyon with an owner, a manager and a member; tidewatch with nobody.
class Members : public testing::Test {
 protected:
  Members() {
    store = *store::Store::open(folder.path(), *store::Store::lock(folder.path()));
    key.emplace(*KeyFile::open(folder / "secret.key", random));
    EXPECT_TRUE(write([&](store::Tx& tx) -> Result<void> {
      for (const char* name : {"halcyon", "tidewatch"})
        store::insert_workspace(tx, {.id = WorkspaceId(cat("ac-", name)), .name = name}, now);
      for (const char* role : {"owner", "manager", "member"}) {
        const UserId user(cat("us-", role));
        store::insert_user(
            tx, {.id = user, .name = role, .email = cat(role, "@x.example"), .created_at = now});
        store::set_member(tx, halcyon, user, role, now);
      }
      return {};
    }));
  }
  Result<void> write(const store::Work& work) { return store->write_now(work); }
  Actor as(const char* role) const {
    const WorkspaceRole rank = std::string_view(role) == "owner"     ? WorkspaceRole::kOwner
                               : std::string_view(role) == "manager" ? WorkspaceRole::kManager
                                                                     : WorkspaceRole::kMember;
    return {.workspace = halcyon,
            .principal = cat("us-", role),
            .role = rank,
            .source = "192.0.2.1",
            .now = now};
  }
  Code change_role(const char* actor, const char* user, const char* role) {
    const auto done = write([&](store::Tx& tx) -> Result<void> {
      TRY(MemberRules::change_role(tx, as(actor), UserId(cat("us-", user)), role));
      return {};
    });
    return done ? Code::kOk : done.error().code;
  }
  template <class F>
  auto in_tx(F&& f) {
    std::invoke_result_t<F, store::Tx&> out = fail(Code::kInternal, "not run");
    (void)write([&](store::Tx& tx) -> Result<void> {
      out = f(tx);
      if (!out) return std::unexpected(out.error());
      return {};
    });
    return out;
  }
  std::size_t audited() {
    return store->read([&](store::View& view) {
      return store::list_audit_range(view, {.workspace = halcyon, .newest = Time::max()}, 1000)
          .size();
    });
  }

  const WorkspaceId halcyon{"ac-halcyon"};
  const Time now{1'800'000'000s};
  SystemRandom random;
  const TestFolder folder{"members"};
  std::unique_ptr<store::Store> store;
  std::optional<KeyFile> key;
};

TEST_F(Members, NobodyGivesOrTakesMoreThanTheyHave) {
  EXPECT_EQ(change_role("member", "member", "manager"), Code::kPermissionDenied);
  EXPECT_EQ(change_role("manager", "member", "owner"), Code::kPermissionDenied);
  EXPECT_EQ(change_role("manager", "owner", "member"), Code::kPermissionDenied);
  EXPECT_EQ(change_role("manager", "member", "chief"), Code::kInvalidArgument);
  EXPECT_EQ(change_role("manager", "nobody", "member"), Code::kNotFound);
  EXPECT_EQ(audited(), 0u);
  EXPECT_EQ(change_role("manager", "member", "manager"), Code::kOk);
  EXPECT_EQ(change_role("owner", "manager", "owner"), Code::kOk);
  EXPECT_EQ(audited(), 2u);
}

TEST_F(Members, AWorkspaceKeepsAnOwner) {
  EXPECT_EQ(change_role("owner", "owner", "member"), Code::kFailedPrecondition);
  const auto removed = in_tx(
      [&](store::Tx& tx) { return MemberRules::remove(tx, as("owner"), UserId("us-owner")); });
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().message, "halcyon needs an owner. Make somebody else owner first.");
  EXPECT_EQ(change_role("owner", "manager", "owner"), Code::kOk);
  EXPECT_EQ(change_role("owner", "owner", "member"), Code::kOk);
}

TEST_F(Members, InvitationsWorkOnceWithinAWeek) {
  const LinkRules rules(random, *key);
  const auto invite = [&](const char* email) {
    return in_tx([&](store::Tx& tx) { return rules.invite(tx, as("manager"), email, "member"); });
  };
  const auto join = [&](const std::string& link, Time at) {
    Actor somebody{.source = "192.0.2.7", .now = at};
    return in_tx([&](store::Tx& tx) {
      return rules.join_anew(tx, somebody, link, {"Lena", "lena@x.example", "hash"});
    });
  };
  EXPECT_EQ(invite("member@x.example").error().code, Code::kAlreadyExists);
  EXPECT_EQ(invite("no address").error().code, Code::kInvalidArgument);
  const auto first = invite("lena@x.example"), second = invite("lena@x.example");
  EXPECT_EQ(join(first->key, now).error().code, Code::kNotFound);  // the newer took its place
  EXPECT_EQ(join(second->key, now + LinkRules::kLife).error().code, Code::kNotFound);
  EXPECT_EQ(join("", now).error().code, Code::kNotFound);
  ASSERT_TRUE(join(second->key, now + LinkRules::kLife - 1s));
  EXPECT_EQ(join(second->key, now).error().code, Code::kNotFound);
}

// Whoever may make a link by which a password changes gets all that the password opens.
TEST_F(Members, PasswordLinksReachNoFurtherThanTheirMaker) {
  const LinkRules rules(random, *key);
  const auto link = [&](const char* actor, const char* user) {
    return in_tx(
        [&](store::Tx& tx) { return rules.new_password(tx, as(actor), UserId(cat("us-", user))); });
  };
  EXPECT_EQ(link("member", "manager").error().code, Code::kPermissionDenied);
  EXPECT_EQ(link("manager", "owner").error().code, Code::kPermissionDenied);
  const auto made = link("manager", "member");
  ASSERT_TRUE(made);
  EXPECT_EQ(change_role("owner", "member", "owner"), Code::kOk);
  Actor somebody{.now = now};
  EXPECT_EQ(
      in_tx([&](store::Tx& tx) { return rules.set_password(tx, somebody, made->key, "hash"); })
          .error()
          .code,
      Code::kNotFound);
  EXPECT_EQ(change_role("owner", "member", "member"), Code::kOk);
  ASSERT_TRUE(write([&](store::Tx& tx) -> Result<void> {
    store::set_member(tx, WorkspaceId("ac-tidewatch"), UserId("us-member"), "owner", now);
    return {};
  }));
  EXPECT_EQ(link("owner", "member").error().code, Code::kFailedPrecondition);
}

}  // namespace
}  // namespace ionian::services
