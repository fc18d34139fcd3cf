#pragma once
// Mounts: local files that clients send along, and the official runtime's own packages.
#include "modal_proto/mount.pb.h"
#include "services/context.h"
#include "services/volumes.h"
#include "store/images.h"

namespace ionian::services {

// The folder of a mount, as a read-only layer. Made on the first call. May wait for other programs.
Result<std::string> tree_of_mount(const Context& c, const store::Mount& mount);

// The official runtime, the same for everybody.
bool is_client_mount(const store::Mount& mount);

class Mounts {
 public:
  explicit Mounts(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // MountBatchedCheckExistence. Which of these contents must still be sent.
  Result<modal::client::MountBatchedCheckExistenceResponse> check(
      rpc::Call& call, const modal::client::MountBatchedCheckExistenceRequest& request,
      store::View& view);

  // MountPutFile. Repeated until `exists`; without data it only asks.
  //   errors   INVALID_ARGUMENT content that has another hash
  Result<modal::client::MountPutFileResponse> put_file(
      rpc::Call& call, const modal::client::MountPutFileRequest& request, VolumeWork& work);

  // MountGetOrCreate. Lists of files become mounts; the global name "modal-client-mount-<version>"
  // is made from the published package of that version. Others are of an environment, and a name
  // can be given to another list.
  //   errors   NOT_FOUND name, or a content that was never sent · INVALID_ARGUMENT file names ·
  //            ALREADY_EXISTS the name, for one that must not
  Result<modal::client::MountGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::MountGetOrCreateRequest& request, Slow& slow);

  Result<store::Mount> client_mount(const std::string& name);
  Result<store::Mount> find_named(const rpc::Call& call,
                                  const modal::client::MountGetOrCreateRequest& request);
  // One that has files, and no record yet.
  Result<store::Mount> new_mount(const rpc::Call& call,
                                 const modal::client::MountGetOrCreateRequest& request);
  Result<store::Mount> deploy(const rpc::Call& call,
                              const modal::client::MountGetOrCreateRequest& request);
  Result<store::Mount> mount_of_files(const rpc::Call& call,
                                      const modal::client::MountGetOrCreateRequest& request);

  Context& c_;
};

}  // namespace ionian::services
