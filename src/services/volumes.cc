#include "services/volumes.h"

#include "services/exec_access.h"
#include "store/volumes.h"

namespace ionian::services {
namespace {

using modal::client::VolumeFsVersion;
using rpc::Access;

template <class Metadata>
void fill_volume(Metadata& metadata, const store::DataObject& object, const store::Volume& volume) {
  fill_metadata(metadata, object);
  metadata.set_version(static_cast<VolumeFsVersion>(volume.fs_version));
}

}  // namespace

Result<store::Volume> volume_of(const Context& c, store::View& view, const rpc::Call& call,
                                const std::string& id) {
  TRY(object_of(c, view, call, kVolumeKind, id));
  auto volume = store::find_volume(view, id);
  if (!volume) return fail(Code::kDataLoss, "the record of volume '", id, "' is missing");
  return *std::move(volume);
}

void Volumes::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  // Making one needs more; the handler sees to that.
  on("VolumeGetOrCreate", &Volumes::get_or_create, Access::kView);
  on("VolumeGetById", &Volumes::get_by_id, Access::kView);
  on("VolumeList", &Volumes::list, Access::kView);
  on("VolumeDelete", &Volumes::remove);
  on("VolumeRename", &Volumes::rename);
  on("VolumeHeartbeat", &Volumes::heartbeat);
  on("VolumeCommit", &Volumes::commit, Access::kContainer);
  on("VolumeReload", &Volumes::reload, Access::kContainer);
  rpc::Table::Binder(table, this, rpc::Table::kRouter)("TaskReloadVolumes", &Volumes::reload_all);
}

Result<modal::client::VolumeGetOrCreateResponse> Volumes::get_or_create(
    rpc::Call& call, const modal::client::VolumeGetOrCreateRequest& request, store::Tx& tx) {
  if (!request.create_options().experimental_options().empty())
    return fail(Code::kInvalidArgument, "this server knows no experimental options of volumes");
  ASSIGN_OR_RETURN(const FoundObject found,
                   get_or_create_object(c_, call, tx, kVolumeKind,
                                        {.name = request.deployment_name(),
                                         .environment = request.environment_name(),
                                         .creation_type = request.object_creation_type()}));
  if (found.made)
    store::insert_volume(tx, found.object.id,
                         request.version() == modal::client::VOLUME_FS_VERSION_V2 ? 2 : 1);
  ASSIGN_OR_RETURN(const store::Volume volume, volume_of(c_, tx, call, found.object.id));
  modal::client::VolumeGetOrCreateResponse reply;
  reply.set_volume_id(volume.id);
  reply.set_version(static_cast<VolumeFsVersion>(volume.fs_version));
  fill_volume(*reply.mutable_metadata(), found.object, volume);
  if (found.made) keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::VolumeGetByIdResponse> Volumes::get_by_id(
    rpc::Call& call, const modal::client::VolumeGetByIdRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject object,
                   object_of(c_, view, call, kVolumeKind, request.volume_id()));
  ASSIGN_OR_RETURN(const store::Volume volume, volume_of(c_, view, call, object.id));
  modal::client::VolumeGetByIdResponse reply;
  reply.set_volume_id(volume.id);
  fill_volume(*reply.mutable_metadata(), object, volume);
  return reply;
}

Result<modal::client::VolumeListResponse> Volumes::list(
    rpc::Call& call, const modal::client::VolumeListRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const ObjectPage page,
                   list_objects_of(c_, view, call, kVolumeKind, request.environment_name(),
                                   request.pagination()));
  modal::client::VolumeListResponse reply;
  reply.set_environment_name(page.environment_name);
  for (const store::DataObject& object : page.objects) {
    auto& item = *reply.add_items();
    item.set_label(object.name);
    item.set_created_at(to_unix_seconds(object.created_at));
    item.set_volume_id(object.id);
    const auto volume = store::find_volume(view, object.id);
    fill_volume(*item.mutable_metadata(), object, volume.value_or(store::Volume()));
  }
  return reply;
}

Result<Volumes::Empty> Volumes::remove(rpc::Call& call,
                                       const modal::client::VolumeDeleteRequest& request,
                                       store::Tx& tx) {
  call.after_commit([this, id = request.volume_id()] { p_.layers.forget(id); });
  return delete_object(c_, tx, call, kVolumeKind, request.volume_id());
}

Result<Volumes::Empty> Volumes::rename(rpc::Call& call,
                                       const modal::client::VolumeRenameRequest& request,
                                       store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::DataObject object,
                   object_of(c_, tx, call, kVolumeKind, request.volume_id()));
  if (object.name.empty())
    return fail(Code::kFailedPrecondition, "an ephemeral volume has no name to change");
  TRY(check_object_name(kVolumeKind.title, request.name()));
  if (object.name == request.name()) return Empty();
  if (store::find_named_object(tx, object.environment, kVolumeKind.kind, request.name()))
    return fail(Code::kAlreadyExists, "Volume '", request.name(), "' already exists");
  store::rename_object(tx, object.id, request.name());
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

Result<Volumes::Empty> Volumes::heartbeat(rpc::Call& call,
                                          const modal::client::VolumeHeartbeatRequest& request,
                                          store::Tx& tx) {
  TRY(object_of(c_, tx, call, kVolumeKind, request.volume_id()));
  store::note_beat(tx, request.volume_id(), call.now);
  return Empty();
}

Result<modal::client::VolumeCommitResponse> Volumes::commit(
    rpc::Call& call, const modal::client::VolumeCommitRequest& request, VolumeWork&) {
  TRY(p_.mounts.commit(call.caller.task, request.volume_id()));
  modal::client::VolumeCommitResponse reply;
  reply.set_skip_reload(true);
  return reply;
}

Result<Volumes::Empty> Volumes::reload(rpc::Call& call,
                                       const modal::client::VolumeReloadRequest& request,
                                       VolumeWork&) {
  TRY(p_.mounts.reload(call.caller.task, request.volume_id()));
  return Empty();
}

Result<Volumes::ReloadAllReply> Volumes::reload_all(
    rpc::Call& call, const modal::task_command_router::TaskReloadVolumesRequest& request,
    VolumeWork&) {
  const TaskId task(request.task_id());
  TRY(place_of_task(c_, call, request.task_id()));
  if (!c_.identity.task(task))
    return fail(Code::kFailedPrecondition, "container ", task, " has ended");
  TRY(check_no_sidecar(request.task_id(), request.container_id()));
  TRY(p_.mounts.reload_all(task));
  return ReloadAllReply();
}

}  // namespace ionian::services
