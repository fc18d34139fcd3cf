#pragma once
// Volumes: made, found, listed, renamed, removed; and what containers say of theirs.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/task_command_router.pb.h"
#include "modal_proto/volume.pb.h"
#include "services/data_objects.h"
#include "volumes/mounts.h"
#include "volumes/uploads.h"

namespace ionian::services {

// The state of handlers that move volumes' files: threads of their own.
struct VolumeWork {};

// What the handlers work with, besides the context.
struct VolumeParts {
  volumes::Contents& contents;
  volumes::Uploads& uploads;
  volumes::Layers& layers;
  volumes::Mounts& mounts;
  volumes::Limits limits;
};

// NOT_FOUND also for one that the caller may not see.
Result<store::Volume> volume_of(const Context& c, store::View& view, const rpc::Call& call,
                                const std::string& id);

class Volumes {
 public:
  Volumes(Context& context, VolumeParts parts) : c_(context), p_(parts) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // VolumeGetOrCreate. The version says which calls its clients use; the tree is the same.
  Result<modal::client::VolumeGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::VolumeGetOrCreateRequest& request, store::Tx& tx);
  Result<modal::client::VolumeGetByIdResponse> get_by_id(
      rpc::Call& call, const modal::client::VolumeGetByIdRequest& request, store::View& view);
  Result<modal::client::VolumeListResponse> list(rpc::Call& call,
                                                 const modal::client::VolumeListRequest& request,
                                                 store::View& view);
  // VolumeDelete. Containers that have it mounted go on with what they see, and their commits
  // answer NOT_FOUND.
  Result<Empty> remove(rpc::Call& call, const modal::client::VolumeDeleteRequest& request,
                       store::Tx& tx);
  Result<Empty> rename(rpc::Call& call, const modal::client::VolumeRenameRequest& request,
                       store::Tx& tx);
  Result<Empty> heartbeat(rpc::Call& call, const modal::client::VolumeHeartbeatRequest& request,
                          store::Tx& tx);
  // VolumeCommit. All that the container has changed, or nothing. Where it has no files open it
  // goes on with the newest version, so that no reload need follow.
  Result<modal::client::VolumeCommitResponse> commit(
      rpc::Call& call, const modal::client::VolumeCommitRequest& request, VolumeWork& work);
  // VolumeReload. Commits first.
  //   errors   FAILED_PRECONDITION with the text that clients look for: files of it are open
  Result<Empty> reload(rpc::Call& call, const modal::client::VolumeReloadRequest& request,
                       VolumeWork& work);
  // TaskReloadVolumes, of the command router: VolumeReload of all that a container has mounted.
  //   errors   as place_of_task() · FAILED_PRECONDITION files of one are open
  using ReloadAllReply = modal::task_command_router::TaskReloadVolumesResponse;
  Result<ReloadAllReply> reload_all(
      rpc::Call& call, const modal::task_command_router::TaskReloadVolumesRequest& request,
      VolumeWork& work);

  Context& c_;
  const VolumeParts p_;
};

}  // namespace ionian::services
