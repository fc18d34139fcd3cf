#pragma once
// What dicts and queues have in common: a name in an environment, or a client that keeps them
// alive.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct DataObject {
  std::string id;
  std::string kind;  // "dict", "queue"
  WorkspaceId workspace;
  EnvironmentId environment;
  std::string name;  // "" = ephemeral
  std::string created_by;
  Time created_at;
};

// Ephemeral ones count as alive at `created_at`. In a list by age no two of a kind have the same
// time: `created_at` becomes a later one if it must.
void insert_object(Tx& tx, DataObject& object);
std::optional<DataObject> find_object(View& view, const WorkspaceId& workspace,
                                      std::string_view kind, std::string_view id);
std::optional<DataObject> find_named_object(View& view, const EnvironmentId& environment,
                                            std::string_view kind, std::string_view name);
// Deleted ones that may come back too.
bool object_exists(View& view, std::string_view id);
// Named ones, the newest first; created before `before`, at most `max` of them.
std::vector<DataObject> list_objects(View& view, const EnvironmentId& environment,
                                     std::string_view kind, Time before, std::int64_t max);

// Ephemeral ones too.
std::vector<DataObject> all_objects_of(View& view, const EnvironmentId& environment);

// With all that is in it.
void remove_object(Tx& tx, std::string_view id);

// Ephemeral ones: a sign of life; false if there is no such object.
bool note_beat(Tx& tx, std::string_view id, Time now);
// The server was away, and nobody could give a sign of life.
void note_all_beats(Tx& tx, Time now);
void remove_forgotten_objects(Tx& tx, Time last_beat_before);

}  // namespace ionian::store
