#pragma once
// What dicts and queues have in common: they are made, found, listed, kept alive and removed alike.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/common.pb.h"
#include "services/context.h"
#include "store/deleted.h"

namespace ionian::services {

// An ephemeral object's client gives a sign of life every 300 s; it is gone after two missed ones.
inline constexpr Duration kEphemeralLife = 11min;

struct ObjectKind {
  std::string_view kind;   // "queue"
  std::string_view title;  // "Queue"
  std::string (*make_id)(Random&, Time);
};
extern const ObjectKind kDictKind, kQueueKind, kVolumeKind;

// Who asks, by name as `created_by` shows it; "" for a container.
std::string creator_name(store::View& view, const rpc::Call& call);
// Names of objects: 1 to 64 of letters, digits and -_.
Result<void> check_object_name(std::string_view title, std::string_view name);

struct ObjectWish {
  std::string name, environment;
  int creation_type = 0;  // modal.client.ObjectCreationType
};
struct FoundObject {
  store::DataObject object;
  bool made = false;
};
// GetOrCreate. Looking up needs the role viewer, making contributor.
//   errors   NOT_FOUND the environment, or no such name and not to be made · ALREADY_EXISTS ·
//            INVALID_ARGUMENT name, or a creation type that these have not
Result<FoundObject> get_or_create_object(const Context& c, rpc::Call& call, store::Tx& tx,
                                         const ObjectKind& kind, const ObjectWish& wish);
// NOT_FOUND also for one that the caller may not see.
Result<store::DataObject> object_of(const Context& c, store::View& view, const rpc::Call& call,
                                    const ObjectKind& kind, const std::string& id);

// …Delete. NOT_FOUND as object_of() says it.
using Empty = google::protobuf::Empty;
Result<Empty> delete_object(Context& c, store::Tx& tx, const rpc::Call& call,
                            const ObjectKind& kind, const std::string& id);

// Which of a list by age a request asks for.
struct PageRange {
  Time before;
  std::int64_t max = 0;
};
PageRange page_range(const modal::client::ListPagination& page, Time now);

struct ObjectPage {
  EnvironmentId environment;
  std::string environment_name;
  std::vector<store::DataObject> objects;
};
Result<ObjectPage> list_objects_of(const Context& c, store::View& view, const rpc::Call& call,
                                   const ObjectKind& kind, const std::string& environment,
                                   const modal::client::ListPagination& page);

template <class Metadata>
void fill_metadata(Metadata& metadata, const store::DataObject& object) {
  metadata.set_name(object.name);
  metadata.mutable_creation_info()->set_created_at(to_unix_seconds(object.created_at));
  metadata.mutable_creation_info()->set_created_by(object.created_by);
}

// The call's reply stays with what the transaction does: a client that has not got it, and asks
// again with the same key within ten minutes, gets the same one, also of the next server.
void keep_reply_of(Context& c, store::Tx& tx, const rpc::Call& call, const rpc::Message& reply);

}  // namespace ionian::services
