#pragma once
// Secrets.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Secret {
  SecretId id;
  WorkspaceId workspace;
  EnvironmentId environment;
  std::string name;  // "" = anonymous
  AppId app;         // that owns an anonymous one
  std::string sealed;
  std::string created_by;
  Time created_at;
  std::optional<Time> last_used_at;
};

// In a list by age no two of an environment have the same time: `created_at` of the record may be a
// little later than `now`.
void insert_secret(Tx& tx, const Secret& secret, Time now);
std::optional<Secret> find_secret(View& view, const WorkspaceId& workspace, const SecretId& id);
std::optional<Secret> find_named_secret(View& view, const EnvironmentId& environment,
                                        std::string_view name);
// Named ones, the newest first; created before `before`, at most `max` of them.
std::vector<Secret> list_secrets(View& view, const EnvironmentId& environment, Time before,
                                 std::int64_t max);
// Anonymous ones too.
std::vector<Secret> all_secrets_of(View& view, const EnvironmentId& environment);
void update_secret(Tx& tx, const SecretId& id, std::string_view sealed);
void note_secret_use(Tx& tx, const SecretId& id, Time now);
void remove_secret(Tx& tx, const SecretId& id);

// Those without a name that nobody has used since `used`, or whose app was stopped before
// `stopped`.
struct UnusedSince {
  Time used, stopped;
};
std::vector<SecretId> list_unused_secrets(View& view, const UnusedSince& since);
// If it is one of those still.
void remove_unused_secret(Tx& tx, const SecretId& id, const UnusedSince& since);

// All that is sealed with the key file, of all workspaces: for a change of its key.
using Reseal = std::function<Result<std::string>(std::string_view sealed)>;
struct Resealed {
  struct Damaged {
    std::string id, name, environment;
  };
  std::int64_t secrets = 0;
  std::vector<Damaged> damaged;  // that could not be opened, and stay as they are
};
// Stops at the first error with what is no secret.
Result<Resealed> reseal_all(Tx& tx, const Reseal& reseal);

}  // namespace ionian::store
