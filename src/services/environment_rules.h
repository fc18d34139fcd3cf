#pragma once
// Changes of environments and of the roles in them: what is allowed, what is written, what the
// audit log keeps. After the commit the caller drops what is remembered (forget_identities).
#include "services/actor.h"
#include "store/workspaces.h"

namespace ionian::services {

struct NewEnvironment {
  std::string name;
  bool restricted = false;
  std::string default_role = {};           // of members, where it is restricted; "" = contributor
  std::string image_builder_version = {};  // "" = the workspace's
};

// What is absent stays as it is.
struct EnvironmentChange {
  std::optional<std::string> name = {}, web_suffix = {}, image_builder_version = {};
};

struct EnvironmentRules {
  // errors  PERMISSION_DENIED · INVALID_ARGUMENT name, role · ALREADY_EXISTS
  static Result<store::Environment> create(store::Tx& tx, const Actor& actor, Random& random,
                                           const NewEnvironment& wanted);
  // errors  PERMISSION_DENIED · INVALID_ARGUMENT name · ALREADY_EXISTS
  static Result<store::Environment> update(store::Tx& tx, const Actor& actor,
                                           store::Environment env, const EnvironmentChange& change);
  // errors  PERMISSION_DENIED · FAILED_PRECONDITION the last one, the default one, or apps run
  // there
  static Result<void> remove(store::Tx& tx, const Actor& actor, const store::Environment& env,
                             const store::KeepDeleted& keep);
  // Restricts it to those who were given a role in it, or opens it. `default_role` is what other
  // members have in it; "" = as before.
  static Result<store::Environment> set_restricted(store::Tx& tx, const Actor& actor,
                                                   store::Environment env, bool restricted,
                                                   const std::string& default_role);
  // Where programs go that name no environment.
  static Result<void> make_default(store::Tx& tx, const Actor& actor,
                                   const store::Environment& env);
  // Of a user or service user; an empty role takes the assignment away.
  // errors  PERMISSION_DENIED · INVALID_ARGUMENT role · NOT_FOUND principal
  static Result<void> set_role(store::Tx& tx, const Actor& actor, const store::Environment& env,
                               const std::string& principal, const std::string& role);

  // FAILED_PRECONDITION as remove() says it.
  static Result<void> removable(store::View& view, const store::Environment& env);
};

}  // namespace ionian::services
