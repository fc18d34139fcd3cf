#include "services/deleted.h"

#include "base/log.h"
#include "services/shared_volumes.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

// A large one takes a while to remove, and others wait for their turn to write.
constexpr std::int64_t kPurgedAtOnce = 4;

std::string_view title_of(std::string_view kind) {
  for (const ObjectKind* each : {&kDictKind, &kQueueKind, &kVolumeKind, &kSharedVolumeKind})
    if (each->kind == kind) return each->title;
  return "Secret";
}

bool is_taken(store::View& view, const store::DataObject& wanted) {
  if (wanted.kind == "secret")
    return store::find_named_secret(view, wanted.environment, wanted.name).has_value();
  return store::find_named_object(view, wanted.environment, wanted.kind, wanted.name).has_value();
}

Result<store::Environment> place_of(store::View& view, const store::Deleted& deleted,
                                    const std::string& wanted) {
  const WorkspaceId& workspace = deleted.object.workspace;
  auto place = wanted.empty()
                   ? store::find_environment_by_id(view, workspace, deleted.object.environment)
                   : store::find_environment(view, workspace, wanted);
  if (place) return *std::move(place);
  if (!wanted.empty()) return fail(Code::kNotFound, "environment '", wanted, "' not found");
  return fail(Code::kFailedPrecondition, "environment '", deleted.environment_name, "', where ",
              deleted.object.name, " was, is gone too. Say where it shall be, with --environment");
}

}  // namespace

void Deleted::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("DeletedList", &Deleted::list, rpc::Access::kOwner);
  on("Undelete", &Deleted::undelete, rpc::Access::kOwner);
}

Result<DeletedListResponse> Deleted::list(rpc::Call&, const DeletedListRequest& request,
                                          store::View& view) {
  DeletedListResponse reply;
  for (const store::Deleted& each : store::list_deleted(view, request.below(), kPage)) {
    auto& row = *reply.add_deleted();
    row.set_number(each.number);
    row.set_id(each.object.id);
    row.set_kind(each.object.kind);
    if (const auto workspace = store::find_workspace(view, each.object.workspace))
      row.set_workspace(workspace->name);
    row.set_environment(each.environment_name);
    row.set_name(each.object.name);
    row.set_deleted_at_ms(to_unix_ms(each.deleted_at));
    row.set_until_ms(to_unix_ms(each.deleted_at + c_.keep_deleted.life));
  }
  return reply;
}

Result<UndeleteResponse> Deleted::undelete(rpc::Call& call, const UndeleteRequest& request,
                                           store::Tx& tx) {
  auto found = store::find_deleted(tx, request.id());
  if (!found)
    return fail(Code::kNotFound, "nothing that was deleted has the id '", request.id(),
                "'. `ionian admin undelete --list` shows what there is");
  store::DataObject& object = found->object;
  const std::string_view title = title_of(object.kind);
  ASSIGN_OR_RETURN(const store::Environment place, place_of(tx, *found, request.environment()));
  object.environment = place.id;
  if (!request.name().empty()) {
    TRY(check_object_name(title, request.name()));
    object.name = request.name();
  }
  if (is_taken(tx, object))
    return fail(Code::kAlreadyExists, title, " '", object.name, "' exists in environment '",
                place.name, "' by now. Choose another name with --name");
  store::put_back(tx, *found, call.now);
  call.caller.workspace = object.workspace;
  c_.audit(tx, call, cat(object.kind, ".undelete"), object.name, object.id);
  UndeleteResponse reply;
  reply.set_kind(object.kind);
  reply.set_name(object.name);
  reply.set_environment(place.name);
  return reply;
}

void purge_what_was_deleted(store::Store& store, const store::KeepDeleted& keep, bool disk_is_short,
                            Time now) {
  const auto purge = [keep, disk_is_short, now](store::Tx& tx) -> Result<void> {
    store::purge_deleted(tx, now - keep.life, {}, kPurgedAtOnce);
    if (!disk_is_short || keep.purged_early.empty()) return {};
    const std::int64_t gone = store::purge_deleted(tx, now, keep.purged_early, kPurgedAtOnce);
    if (gone > 0)
      log::warning("the data folder's disk is nearly full: ", gone,
                   " deleted objects are gone before their time");
    return {};
  };
  store.write(purge, [](Result<void> done) {
    if (!done) log::warning("what was deleted could not be purged: ", done.error().message);
  });
}

}  // namespace ionian::services
