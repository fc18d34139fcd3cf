#pragma once
// The files of volumes, for clients that have none mounted: sent, listed, fetched, copied, removed.
#include <deque>

#include "services/queue_takes.h"
#include "services/volumes.h"
#include "volumes/block_url.h"

namespace ionian::services {

class VolumeFiles {
 public:
  VolumeFiles(Context& context, VolumeParts parts) : c_(context), p_(parts) {}
  void bind(rpc::Table& table);

 private:
  // A list on its way to its client.
  template <class Reply>
  struct Listing {
    std::optional<std::int64_t> version;  // of the volume; none: nothing was read yet
    std::string after;
    std::size_t told = 0;
    bool whole = false;
    std::deque<Reply> pages;
  };
  template <class Request, class Reply>
  Result<void> read_list(const rpc::Call& call, const Request& request, Listing<Reply>& listing);

  using Empty = google::protobuf::Empty;
  static constexpr std::size_t kFilesMax = 100'000;      // of one call
  static constexpr std::uint64_t kInlineMax = 16 << 20;  // of VolumeGetFile

  // VolumePutFiles (version 1). Files that MountPutFile has brought, all or none.
  //   errors   NOT_FOUND the volume, or a content that was never sent · ALREADY_EXISTS ·
  //            INVALID_ARGUMENT · RESOURCE_EXHAUSTED
  Result<Empty> put_files(rpc::Call& call, const modal::client::VolumePutFilesRequest& request,
                          VolumeWork& work);
  // VolumePutFiles2 (version 2). Says which blocks the workspace has not, each once, and where they
  // are to be sent; nothing is changed before all are there.
  //   errors   NOT_FOUND the volume · ALREADY_EXISTS · INVALID_ARGUMENT ·
  //            RESOURCE_EXHAUSTED a bound of volumes, or no room on the disk for what is missing
  Result<modal::client::VolumePutFiles2Response> put_files_2(
      rpc::Call& call, const modal::client::VolumePutFiles2Request& request, VolumeWork& work);

  // VolumeListFiles, VolumeListFiles2. By path, all of one version.
  //   errors   NOT_FOUND · ABORTED the volume has changed before all of a very long list was read
  template <class Request, class Reply>
  std::optional<Status> list(rpc::Call& call, const Request& request, DataWatch& watch,
                             rpc::Emit<Reply>& emit);
  // VolumeGetFile (clients of 2025). Bytes, or for large files a blob.
  Result<modal::client::VolumeGetFileResponse> get_file(
      rpc::Call& call, const modal::client::VolumeGetFileRequest& request, VolumeWork& work);
  // VolumeGetFile2. An address for each block that the range touches.
  Result<modal::client::VolumeGetFile2Response> get_file_2(
      rpc::Call& call, const modal::client::VolumeGetFile2Request& request, store::View& view);
  // VolumeRemoveFile, VolumeRemoveFile2.   errors  FAILED_PRECONDITION a folder, not `recursive`
  template <class Request>
  Result<Empty> remove(rpc::Call& call, const Request& request, store::Tx& tx);
  // VolumeCopyFiles, VolumeCopyFiles2. Copies no bytes.
  template <class Request>
  Result<Empty> copy(rpc::Call& call, const Request& request, store::Tx& tx);

  Result<store::Volume> writable(rpc::Call& call, const std::string& id);
  std::string block_address(const rpc::Call& call, volumes::BlockRight right) const;

  Context& c_;
  const VolumeParts p_;
};

}  // namespace ionian::services
