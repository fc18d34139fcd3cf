#pragma once
// One-time links that people pass on: invitations to a workspace, and new passwords. The key is
// stored nowhere; its keyed hash is.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct LinkKind {
  static constexpr std::string_view kPrefix = "li-";
  static constexpr bool kSortsByTime = false;
};
using LinkId = Id<LinkKind>;

struct Link {
  LinkId id;
  std::string key_hash;
  std::string kind;  // "invitation", "password"
  WorkspaceId workspace;
  std::string email;       // whom it is for
  std::string role;        // that the invited gets
  std::string created_by;  // a user, or "owner" on the machine itself
  Time created_at, expires_at;
  std::optional<Time> used_at = {}, withdrawn_at = {};

  bool open(Time now) const { return !used_at && !withdrawn_at && now < expires_at; }
};

void insert_link(Tx& tx, const Link& link);
std::optional<Link> find_link_by_key(View& view, std::string_view key_hash);
std::optional<Link> find_link(View& view, const WorkspaceId& workspace, const LinkId& id);
// Invitations that may still be accepted, newest first.
std::vector<Link> list_open_invitations(View& view, const WorkspaceId& workspace, Time now);
void use_link(Tx& tx, const LinkId& id, Time now);
void withdraw_link(Tx& tx, const LinkId& id, Time now);
// Those of this kind for this person that nobody has used: a newer one takes their place.
void withdraw_links_for(Tx& tx, const WorkspaceId& workspace, std::string_view kind,
                        std::string_view email, Time now);
// Links for a new password of this person, of any workspace: who they are or what they may has
// changed since.
void withdraw_password_links(Tx& tx, std::string_view email, Time now);

}  // namespace ionian::store
