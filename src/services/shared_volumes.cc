#include "services/shared_volumes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "base/utf8.h"
#include "blobs/hash.h"
#include "services/blobs.h"
#include "services/environments.h"

namespace ionian::services {
namespace {

using modal::client::FileEntry;
using rpc::Access;
using volumes::SharedEntry;

constexpr std::string_view kIncoming = ".incoming";
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kEntriesAtOnce = 1000;

void fill_entry(FileEntry& out, const SharedEntry& entry) {
  // A container may give a file any name; the wire takes text.
  out.set_path(to_utf8(entry.path));
  using Kind = SharedEntry::Kind;
  out.set_type(entry.kind == Kind::kFile     ? FileEntry::FILE
               : entry.kind == Kind::kFolder ? FileEntry::DIRECTORY
               : entry.kind == Kind::kLink   ? FileEntry::SYMLINK
                                             : FileEntry::UNSPECIFIED);
  out.set_mtime(static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry.mtime)));
  out.set_size(entry.size);
}

// All that `from` has, piece by piece.
Result<std::uint64_t> each_piece(int from,
                                 const std::function<Result<void>(std::string_view)>& take) {
  std::string piece(kPiece, '\0');
  for (std::uint64_t total = 0;;) {
    const ssize_t n = ::read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_fail("read a file");
    if (n == 0) return total;
    TRY(take(std::string_view(piece).substr(0, static_cast<std::size_t>(n))));
    total += static_cast<std::uint64_t>(n);
  }
}

}  // namespace

const ObjectKind kSharedVolumeKind = {"nfs", "NetworkFileSystem", [](Random& random, Time now) {
                                        return cat("sv-", random_ulid(random, now));
                                      }};

std::string shared_folders(const std::string& data) { return data + "/shared"; }

std::string shared_folder_of(const std::string& shared, const std::string& id) {
  return cat(shared, '/', id);
}

void SharedVolumes::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("SharedVolumeGetOrCreate", &SharedVolumes::get_or_create, Access::kView);
  on("SharedVolumeList", &SharedVolumes::list, Access::kView);
  on("SharedVolumeDelete", &SharedVolumes::remove);
  on("SharedVolumeHeartbeat", &SharedVolumes::heartbeat);
  on("SharedVolumePutFile", &SharedVolumes::put_file);
  on("SharedVolumeGetFile", &SharedVolumes::get_file, Access::kView);
  on("SharedVolumeListFiles", &SharedVolumes::list_files, Access::kView);
  on("SharedVolumeListFilesStream", &SharedVolumes::stream_files, Access::kView);
  on("SharedVolumeRemoveFile", &SharedVolumes::remove_file);
}

Result<modal::client::SharedVolumeGetOrCreateResponse> SharedVolumes::get_or_create(
    rpc::Call& call, const modal::client::SharedVolumeGetOrCreateRequest& request, store::Tx& tx) {
  const auto found = get_or_create_object(c_, call, tx, kSharedVolumeKind,
                                          {.name = request.deployment_name(),
                                           .environment = request.environment_name(),
                                           .creation_type = request.object_creation_type()});
  if (!found && found.error().code == Code::kNotFound) {
    const auto env = environment_of(c_, tx, call, request.environment_name());
    if (env && store::find_named_object(tx, env->id, kVolumeKind.kind, request.deployment_name()))
      return fail(Code::kNotFound, "App has wrong entity vo");
  }
  if (!found) return std::unexpected(found.error());
  modal::client::SharedVolumeGetOrCreateResponse reply;
  reply.set_shared_volume_id(found->object.id);
  if (found->made) keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::SharedVolumeListResponse> SharedVolumes::list(
    rpc::Call& call, const modal::client::SharedVolumeListRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const ObjectPage page, list_objects_of(c_, view, call, kSharedVolumeKind,
                                                          request.environment_name(), {}));
  modal::client::SharedVolumeListResponse reply;
  reply.set_environment_name(page.environment_name);
  for (const store::DataObject& object : page.objects) {
    auto& item = *reply.add_items();
    item.set_label(object.name);
    item.set_shared_volume_id(object.id);
    item.set_created_at(to_unix_seconds(object.created_at));
  }
  return reply;
}

Result<SharedVolumes::Empty> SharedVolumes::remove(
    rpc::Call& call, const modal::client::SharedVolumeDeleteRequest& request, store::Tx& tx) {
  return delete_object(c_, tx, call, kSharedVolumeKind, request.shared_volume_id());
}

Result<SharedVolumes::Empty> SharedVolumes::heartbeat(
    rpc::Call& call, const modal::client::SharedVolumeHeartbeatRequest& request, store::Tx& tx) {
  TRY(object_of(c_, tx, call, kSharedVolumeKind, request.shared_volume_id()));
  store::note_beat(tx, request.shared_volume_id(), call.now);
  return Empty();
}

Result<volumes::SharedFolder> SharedVolumes::folder_of(const rpc::Call& call,
                                                       const std::string& id) const {
  TRY(c_.store.read(
      [&](store::View& view) { return object_of(c_, view, call, kSharedVolumeKind, id); }));
  return volumes::SharedFolder::open(shared_folder_of(shared_, id), cat(shared_, '/', kIncoming));
}

Result<modal::client::SharedVolumePutFileResponse> SharedVolumes::put_file(
    rpc::Call& call, const modal::client::SharedVolumePutFileRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const volumes::SharedFolder folder, folder_of(call, request.shared_volume_id()));
  const auto fill = [&](int fd) -> Result<void> {
    const std::string& hash = request.sha256_hex();
    if (!request.has_data_blob_id()) {
      const std::string sent = hash.empty() ? hash : blobs::sha256_hex(request.data());
      if (sent != hash)
        return fail(Code::kInvalidArgument, "the sha256 of ", request.path(), " is ", sent,
                    ", announced was ", hash);
      return write_all(fd, request.data());
    }
    ASSIGN_OR_RETURN(
        const store::BlobRecord blob,
        blob_of_file(c_, call, request.data_blob_id(),
                     hash.empty() ? std::nullopt : std::optional<std::string_view>(hash)));
    ASSIGN_OR_RETURN(const blobs::OpenBlob open, c_.blobs.open(blob.sha256));
    TRY(each_piece(open.fd.get(), [fd](std::string_view piece) { return write_all(fd, piece); }));
    return {};
  };
  TRY(folder.put(request.path(), c_.random, fill));
  modal::client::SharedVolumePutFileResponse reply;
  reply.set_exists(true);
  TRY(keep(call, reply));
  return reply;
}

Result<modal::client::SharedVolumeGetFileResponse> SharedVolumes::get_file(
    rpc::Call& call, const modal::client::SharedVolumeGetFileRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const volumes::SharedFolder folder, folder_of(call, request.shared_volume_id()));
  ASSIGN_OR_RETURN(const UniqueFd file, folder.read(request.path()));
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return sys_fail("look at a file");
  modal::client::SharedVolumeGetFileResponse reply;
  // It may grow meanwhile; what it has now is answered.
  if (static_cast<std::uint64_t>(info.st_size) <= kInlineMax) {
    std::string& data = *reply.mutable_data();
    TRY(each_piece(file.get(), [&](std::string_view piece) -> Result<void> {
      data += piece.substr(0, std::min(piece.size(), kInlineMax - data.size()));
      return {};
    }));
    return reply;
  }
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer());
  TRY(each_piece(file.get(), [&](std::string_view piece) { return writer.write(piece); }));
  ASSIGN_OR_RETURN(const blobs::BlobInfo blob, writer.commit());
  ASSIGN_OR_RETURN(*reply.mutable_data_blob_id(), keep_blob(c_, call, blob));
  return reply;
}

std::optional<Status> SharedVolumes::stream_files(
    rpc::Call& call, const modal::client::SharedVolumeListFilesRequest& request, VolumeWork&,
    rpc::Emit<modal::client::SharedVolumeListFilesResponse>& emit) {
  const auto folder = folder_of(call, request.shared_volume_id());
  if (!folder) return folder.error();
  const auto entries = folder->list(request.path());
  if (!entries) return entries.error();
  modal::client::SharedVolumeListFilesResponse batch;
  for (const SharedEntry& entry : *entries) {
    fill_entry(*batch.add_entries(), entry);
    if (batch.entries_size() == kEntriesAtOnce) emit(std::exchange(batch, {}));
  }
  if (batch.entries_size() > 0) emit(std::move(batch));
  return Status::ok_status();
}

Result<modal::client::SharedVolumeListFilesResponse> SharedVolumes::list_files(
    rpc::Call& call, const modal::client::SharedVolumeListFilesRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const volumes::SharedFolder folder, folder_of(call, request.shared_volume_id()));
  ASSIGN_OR_RETURN(const std::vector<SharedEntry> entries, folder.list(request.path()));
  modal::client::SharedVolumeListFilesResponse reply;
  for (const SharedEntry& entry : entries) fill_entry(*reply.add_entries(), entry);
  return reply;
}

Result<SharedVolumes::Empty> SharedVolumes::remove_file(
    rpc::Call& call, const modal::client::SharedVolumeRemoveFileRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const volumes::SharedFolder folder, folder_of(call, request.shared_volume_id()));
  TRY(folder.remove(request.path(), request.recursive()));
  TRY(keep(call, Empty()));
  return Empty();
}

// A repetition, also over a restart, finds it done and does not undo what came after it.
Result<void> SharedVolumes::keep(const rpc::Call& call, const rpc::Message& reply) {
  return c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    keep_reply_of(c_, tx, call, reply);
    return {};
  });
}

void sweep_shared_volumes(store::Store& store, const std::string& shared,
                          const SharedMounts& mounted) {
  std::error_code error;
  // Listed first: a folder whose record comes after that is not in the list.
  std::vector<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator(shared, error))
    if (std::string name = entry.path().filename(); name != kIncoming)
      ids.push_back(std::move(name));
  for (const std::string& id : ids) {
    if (store.read([&](store::View& view) { return store::object_exists(view, id); })) continue;
    const std::string folder = shared_folder_of(shared, id);
    if (mounted.has(folder)) continue;
    if (Result<void> done = remove_tree(folder); !done)
      log::warning("a network file system that is gone: ", done.error().message);
  }
}

void clear_incoming(const std::string& shared) {
  if (Result<void> done = remove_tree(cat(shared, '/', kIncoming)); !done)
    log::warning(done.error().message);
}

}  // namespace ionian::services
