#pragma once
// What was deleted and may come back: what an object was stands here meanwhile, and no other query
// finds it; what is in it stays where it is, under the same id.
#include <vector>

#include "store/keep_deleted.h"
#include "store/objects.h"
#include "store/secrets.h"

namespace ionian::store {

struct Deleted {
  std::int64_t number = 0;  // in the order of the deletions
  DataObject object;        // kind "secret" too
  std::string environment_name;
  Time deleted_at;
  std::string sealed;  // of a secret
};

// Kept aside if it has a name and such things are kept; else gone at once, with all that is in it.
void delete_object(Tx& tx, const DataObject& object, const KeepDeleted& keep, Time now);
void delete_secret(Tx& tx, const Secret& secret, const KeepDeleted& keep, Time now);
// Objects and secrets of an environment that is deleted.
void delete_all_of(Tx& tx, const EnvironmentId& environment, const KeepDeleted& keep, Time now);

std::optional<Deleted> find_deleted(View& view, std::string_view id);
// The latest first; those below the number `below`, 0 = all, at most `max` of them.
std::vector<Deleted> list_deleted(View& view, std::int64_t below, std::int64_t max);

// As it was, but for the environment and the name, which must be free there. What is in it has as
// long to live as it had when it was deleted.
void put_back(Tx& tx, const Deleted& deleted, Time now);

// Gone for good, with all that is in it.
void purge(Tx& tx, std::string_view id);
// The oldest of those that were deleted before `before`, of these kinds or, without any, of all, at
// most `max`; how many.
std::int64_t purge_deleted(Tx& tx, Time before, const std::vector<std::string>& kinds,
                           std::int64_t max);

}  // namespace ionian::store
