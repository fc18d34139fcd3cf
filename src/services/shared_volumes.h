#pragma once
// Network file systems (SharedVolume*): a folder each, that containers have mounted as it is.
// Nothing is committed: what one writes the others see.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/sharedvolume.pb.h"
#include "services/data_objects.h"
#include "services/volumes.h"
#include "volumes/shared_folder.h"

namespace ionian::services {

extern const ObjectKind kSharedVolumeKind;

// DATA/shared, where they lie, and the folder of one of them in it.
std::string shared_folders(const std::string& data);
std::string shared_folder_of(const std::string& shared, const std::string& id);

class SharedVolumes {
 public:
  // `shared`: DATA/shared.
  SharedVolumes(Context& context, std::string shared) : c_(context), shared_(std::move(shared)) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;
  static constexpr std::uint64_t kInlineMax = 16 << 20;  // of SharedVolumeGetFile

  // SharedVolumeGetOrCreate.   errors  NOT_FOUND with a text that clients look for, if a Volume has
  // the name
  Result<modal::client::SharedVolumeGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::SharedVolumeGetOrCreateRequest& request, store::Tx& tx);
  Result<modal::client::SharedVolumeListResponse> list(
      rpc::Call& call, const modal::client::SharedVolumeListRequest& request, store::View& view);
  // SharedVolumeDelete. Containers that have it mounted keep what they see, until they end.
  Result<Empty> remove(rpc::Call& call, const modal::client::SharedVolumeDeleteRequest& request,
                       store::Tx& tx);
  Result<Empty> heartbeat(rpc::Call& call,
                          const modal::client::SharedVolumeHeartbeatRequest& request,
                          store::Tx& tx);

  // SharedVolumePutFile. On disk when it answers.   errors  NOT_FOUND the blob · INVALID_ARGUMENT
  // path, or another hash than the blob's
  Result<modal::client::SharedVolumePutFileResponse> put_file(
      rpc::Call& call, const modal::client::SharedVolumePutFileRequest& request, VolumeWork& work);
  // SharedVolumeGetFile. Bytes, or for large files a blob.
  Result<modal::client::SharedVolumeGetFileResponse> get_file(
      rpc::Call& call, const modal::client::SharedVolumeGetFileRequest& request, VolumeWork& work);
  // SharedVolumeListFiles.
  Result<modal::client::SharedVolumeListFilesResponse> list_files(
      rpc::Call& call, const modal::client::SharedVolumeListFilesRequest& request,
      VolumeWork& work);
  // SharedVolumeListFilesStream.
  std::optional<Status> stream_files(rpc::Call& call,
                                     const modal::client::SharedVolumeListFilesRequest& request,
                                     VolumeWork& work,
                                     rpc::Emit<modal::client::SharedVolumeListFilesResponse>& emit);
  Result<Empty> remove_file(rpc::Call& call,
                            const modal::client::SharedVolumeRemoveFileRequest& request,
                            VolumeWork& work);

  Result<volumes::SharedFolder> folder_of(const rpc::Call& call, const std::string& id) const;
  Result<void> keep(const rpc::Call& call, const rpc::Message& reply);

  Context& c_;
  const std::string shared_;
};

// Removes the folders of file systems that are gone and that no container has, and what was left
// half written before the server's start, when nothing is being written.
void sweep_shared_volumes(store::Store& store, const std::string& shared,
                          const SharedMounts& mounted);
void clear_incoming(const std::string& shared);

}  // namespace ionian::services
