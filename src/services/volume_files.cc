#include "services/volume_files.h"

#include <algorithm>

#include "base/utf8.h"
#include "services/blobs.h"
#include "store/blobs.h"
#include "volumes/write.h"

namespace ionian::services {
namespace {

using modal::client::FileEntry;
using rpc::Access;
using store::EntryKind;

// So many are of one version whatever happens: what a call holds until its client has taken them.
constexpr std::size_t kEntriesRead = 100'000;
constexpr std::size_t kEntriesAtOnce = 1000;  // of a message

void fill_entry(FileEntry& out, const store::VolumeEntry& entry) {
  // A container may give a file any name; the wire takes text.
  out.set_path(to_utf8(entry.path));
  out.set_type(entry.kind == EntryKind::kFolder ? FileEntry::DIRECTORY
               : entry.kind == EntryKind::kLink ? FileEntry::SYMLINK
                                                : FileEntry::FILE);
  out.set_mtime(static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry.mtime_ns)) /
                1'000'000'000);
  out.set_size(entry.size);
}

Result<store::VolumeEntry> find(store::View& view, const store::Volume& volume,
                                const std::string& path) {
  auto entry = store::find_volume_entry(view, volume.id, path);
  if (!entry) return fail(Code::kNotFound, "/", path, " not found in this volume");
  return *std::move(entry);
}

struct FoundFile {
  store::VolumeEntry entry;
  store::VolumeContent content;
};

Result<FoundFile> find_file(const Context& c, store::View& view, const rpc::Call& call,
                            const std::string& volume_id, const std::string& given) {
  ASSIGN_OR_RETURN(const store::Volume volume, volume_of(c, view, call, volume_id));
  ASSIGN_OR_RETURN(const std::string path, volumes::clean_path(given));
  ASSIGN_OR_RETURN(store::VolumeEntry entry, find(view, volume, path));
  if (entry.kind != EntryKind::kFile)
    return fail(Code::kFailedPrecondition, "/", path, " is a ",
                entry.kind == EntryKind::kFolder ? "folder" : "symbolic link",
                " of this volume, not a file");
  auto content = store::find_volume_content(view, call.caller.workspace, entry.content);
  if (!content) return fail(Code::kDataLoss, "the record of the bytes of /", path, " is missing");
  return FoundFile{.entry = std::move(entry), .content = *std::move(content)};
}

// What a range means in a file; length 0 is to its end.
struct Range {
  std::uint64_t start = 0, length = 0;
};
Range range_in(std::uint64_t size, std::uint64_t start, std::uint64_t length) {
  const std::uint64_t begin = std::min(start, size), left = size - begin;
  return {.start = begin, .length = length == 0 ? left : std::min(length, left)};
}

}  // namespace

void VolumeFiles::bind(rpc::Table& table) {
  using namespace modal::client;  // NOLINT: 12 of its names stand in these lines
  rpc::Table::Binder on(table, this);
  on("VolumePutFiles", &VolumeFiles::put_files);
  on("VolumePutFiles2", &VolumeFiles::put_files_2);
  on("VolumeListFiles", &VolumeFiles::list<VolumeListFilesRequest, VolumeListFilesResponse>,
     Access::kView);
  on("VolumeListFiles2", &VolumeFiles::list<VolumeListFiles2Request, VolumeListFiles2Response>,
     Access::kView);
  on("VolumeGetFile", &VolumeFiles::get_file, Access::kView);
  on("VolumeGetFile2", &VolumeFiles::get_file_2, Access::kView);
  on("VolumeRemoveFile", &VolumeFiles::remove<VolumeRemoveFileRequest>);
  on("VolumeRemoveFile2", &VolumeFiles::remove<VolumeRemoveFile2Request>);
  on("VolumeCopyFiles", &VolumeFiles::copy<VolumeCopyFilesRequest>);
  on("VolumeCopyFiles2", &VolumeFiles::copy<VolumeCopyFiles2Request>);
}

std::string VolumeFiles::block_address(const rpc::Call& call, volumes::BlockRight right) const {
  right.side = call.caller.task.str();
  right.expires = call.now + volumes::kBlockUrlLife;
  const auto sign = [this](std::string_view text) { return c_.key.sign(text); };
  return address_for(c_, call, volumes::signed_target(right, sign));
}

template <class Request, class Reply>
Result<void> VolumeFiles::read_list(const rpc::Call& call, const Request& request,
                                    Listing<Reply>& listing) {
  return c_.store.read([&](store::View& view) -> Result<void> {
    ASSIGN_OR_RETURN(const store::Volume volume, volume_of(c_, view, call, request.volume_id()));
    ASSIGN_OR_RETURN(const std::string path, volumes::clean_path(request.path()));
    if (listing.version.value_or(volume.version) != volume.version)
      return fail(Code::kAborted,
                  "the volume has changed while its files were listed, and they are too many to "
                  "be read at once; list them again, or fewer at a time");
    listing.version = volume.version;
    if (!path.empty() && listing.after.empty()) {
      ASSIGN_OR_RETURN(const store::VolumeEntry entry, find(view, volume, path));
      if (entry.kind != EntryKind::kFolder) {
        fill_entry(*listing.pages.emplace_back().add_entries(), entry);
        listing.whole = true;
        return {};
      }
    }
    const std::size_t most = request.has_max_entries() ? request.max_entries() : SIZE_MAX;
    const std::size_t wanted = std::min(kEntriesRead, most - listing.told);
    const auto entries = store::list_volume_entries(
        view, volume.id, path, request.recursive() ? store::Depth::kAll : store::Depth::kChildren,
        listing.after, wanted);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i % kEntriesAtOnce == 0) listing.pages.emplace_back();
      fill_entry(*listing.pages.back().add_entries(), entries[i]);
    }
    listing.told += entries.size();
    listing.whole = entries.size() < wanted || listing.told == most;
    if (!entries.empty()) listing.after = entries.back().path;
    return {};
  });
}

template <class Request, class Reply>
std::optional<Status> VolumeFiles::list(rpc::Call& call, const Request& request, DataWatch&,
                                        rpc::Emit<Reply>& emit) {
  auto& listing = call.state<Listing<Reply>>();
  if (listing.pages.empty() && !listing.whole)
    if (const Result<void> read = read_list(call, request, listing); !read) return read.error();
  if (listing.pages.empty()) return Status::ok_status();
  emit(std::move(listing.pages.front()));
  listing.pages.pop_front();
  return std::nullopt;
}

Result<modal::client::VolumeGetFileResponse> VolumeFiles::get_file(
    rpc::Call& call, const modal::client::VolumeGetFileRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const FoundFile file, c_.store.read([&](store::View& view) {
    return find_file(c_, view, call, request.volume_id(), request.path());
  }));
  const Range range = range_in(file.content.size, request.start(), request.len());
  modal::client::VolumeGetFileResponse reply;
  reply.set_size(file.content.size);
  reply.set_start(range.start);
  reply.set_len(range.length);
  const auto each_piece = [&](auto&& f) -> Result<void> {
    for (std::uint64_t at = range.start; at < range.start + range.length;) {
      const std::uint64_t number = at / volumes::kBlockBytes, from = at % volumes::kBlockBytes;
      ASSIGN_OR_RETURN(const std::string block,
                       p_.contents.read_block(call.caller.workspace, file.content, number));
      const std::string_view piece = std::string_view(block).substr(
          from, std::min(block.size() - from, range.start + range.length - at));
      TRY(f(piece));
      at += piece.size();
    }
    return {};
  };
  if (range.length <= kInlineMax) {
    TRY(each_piece([&](std::string_view piece) -> Result<void> {
      reply.mutable_data()->append(piece);
      return {};
    }));
    reply.mutable_data();
    return reply;
  }
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer());
  TRY(each_piece([&](std::string_view piece) { return writer.write(piece); }));
  ASSIGN_OR_RETURN(const blobs::BlobInfo info, writer.commit());
  ASSIGN_OR_RETURN(*reply.mutable_data_blob_id(), keep_blob(c_, call, info));
  return reply;
}

Result<modal::client::VolumeGetFile2Response> VolumeFiles::get_file_2(
    rpc::Call& call, const modal::client::VolumeGetFile2Request& request, store::View& view) {
  ASSIGN_OR_RETURN(const FoundFile file,
                   find_file(c_, view, call, request.volume_id(), request.path()));
  const Range range = range_in(file.content.size, request.start(), request.len());
  modal::client::VolumeGetFile2Response reply;
  reply.set_size(file.content.size);
  reply.set_start(range.start);
  reply.set_len(range.length);
  const std::uint64_t end = range.start + range.length;
  for (std::uint64_t at = range.start; at < end;) {
    const std::uint64_t number = at / volumes::kBlockBytes, from = at % volumes::kBlockBytes;
    const std::uint64_t length = std::min(volumes::kBlockBytes - from, end - at);
    reply.add_get_urls(block_address(call, {.method = "GET",
                                            .workspace = call.caller.workspace,
                                            .content = file.content.id,
                                            .number = number,
                                            .from = from,
                                            .length = length}));
    at += length;
  }
  return reply;
}

template <class Request>
Result<VolumeFiles::Empty> VolumeFiles::remove(rpc::Call& call, const Request& request,
                                               store::Tx& tx) {
  ASSIGN_OR_RETURN(store::Volume volume, volume_of(c_, tx, call, request.volume_id()));
  ASSIGN_OR_RETURN(const std::string path, volumes::clean_path(request.path()));
  std::vector<volumes::Change> changes;
  const auto remove_one = [&](std::string at) {
    changes.push_back({.entry = {.path = std::move(at), .kind = EntryKind::kGone}});
  };
  if (!path.empty()) {
    ASSIGN_OR_RETURN(const store::VolumeEntry entry, find(tx, volume, path));
    if (entry.kind == EntryKind::kFolder && !request.recursive())
      return fail(Code::kFailedPrecondition, "/", path, " is a folder: remove it with recursive");
    remove_one(path);
  } else {
    if (!request.recursive())
      return fail(Code::kFailedPrecondition,
                  "this is the whole volume: remove what is in it with recursive");
    for (store::VolumeEntry& entry :
         store::list_volume_entries(tx, volume.id, "", store::Depth::kChildren, "", SIZE_MAX / 4))
      remove_one(std::move(entry.path));
  }
  TRY(volumes::apply(tx, volume, changes, volumes::Manner::kUpload, p_.limits, call.now));
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

template <class Request>
Result<VolumeFiles::Empty> VolumeFiles::copy(rpc::Call& call, const Request& request,
                                             store::Tx& tx) {
  ASSIGN_OR_RETURN(store::Volume volume, volume_of(c_, tx, call, request.volume_id()));
  volumes::CopyWish wish{.to_folder = request.dst_path().ends_with('/'),
                         .recursive = request.recursive()};
  ASSIGN_OR_RETURN(wish.to, volumes::clean_path(request.dst_path()));
  for (const std::string& given : request.src_paths()) {
    ASSIGN_OR_RETURN(std::string from, volumes::clean_path(given));
    wish.from.push_back(std::move(from));
  }
  ASSIGN_OR_RETURN(const std::vector<volumes::Change> changes,
                   volumes::plan_copy(tx, volume, wish));
  TRY(volumes::apply(tx, volume, changes, volumes::Manner::kUpload, p_.limits, call.now));
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

}  // namespace ionian::services
