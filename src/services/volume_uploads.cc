// Files on their way into volumes.
#include "blobs/hash.h"
#include "services/blobs.h"
#include "services/volume_files.h"
#include "volumes/write.h"

namespace ionian::services {
namespace {

using modal::client::VolumePutFiles2Request;
using volumes::Change;
using volumes::kHashBytes;

constexpr std::uint32_t kUsualMode = 0644;

std::uint32_t mode_of(std::uint32_t given) { return given ? given & 07777 : kUsualMode; }

volumes::Manner manner_of(bool only_new) {
  return only_new ? volumes::Manner::kUploadNew : volumes::Manner::kUpload;
}

// A file of version 2 as its sender describes it.
struct Described {
  std::string path;
  std::uint32_t mode = kUsualMode;
  store::VolumeContent content;
  bool stored = false;          // its file is there
  std::vector<bool> have = {};  // else: which blocks have come
};

Result<std::string> path_of_file(const std::string& given) {
  ASSIGN_OR_RETURN(std::string path, volumes::clean_path(given));
  if (path.empty() || given.ends_with('/'))
    return fail(Code::kInvalidArgument, "'", given, "' is no path of a file");
  return path;
}

Result<Described> describe(const VolumePutFiles2Request::File& file) {
  Described d{.mode = mode_of(file.mode())};
  ASSIGN_OR_RETURN(d.path, path_of_file(file.path()));
  d.content.size = file.size();
  if (static_cast<std::uint64_t>(file.blocks_size()) != volumes::block_count(file.size()))
    return fail(Code::kInvalidArgument, file.path(), " has ", file.size(), " bytes, which are not ",
                file.blocks_size(), " blocks");
  for (const auto& block : file.blocks()) {
    if (block.contents_sha256().size() != kHashBytes)
      return fail(Code::kInvalidArgument, "a block's contents_sha256 has 32 bytes");
    d.content.blocks += block.contents_sha256();
  }
  d.content.id = volumes::content_id(d.content.size, d.content.blocks);
  return d;
}

Change change_of(std::string path, std::uint32_t mode, store::VolumeContent content, Time now) {
  Change change;
  change.entry = {.path = std::move(path),
                  .kind = store::EntryKind::kFile,
                  .mode = mode,
                  .mtime_ns = now.time_since_epoch().count(),
                  .size = content.size,
                  .content = content.id};
  change.brought = std::move(content);
  return change;
}

// One upload of files of version 2: what is there of it, and what is not.
class BlockUpload {
 public:
  BlockUpload(const Context& c, const VolumeParts& p, const WorkspaceId& workspace, Time now)
      : c_(c),
        p_(p),
        workspace_(workspace),
        now_(now),
        batch_(p.contents, workspace, volumes::known_contents(c.store, workspace)) {}

  Result<void> describe_all(const VolumePutFiles2Request& request) {
    std::set<std::string> unknown;
    for (const auto& file : request.files()) {
      ASSIGN_OR_RETURN(Described d, describe(file));
      if (d.content.size > p_.limits.file_bytes)
        return fail(Code::kResourceExhausted, "/", d.path, " has ", d.content.size,
                    " bytes, and a file of a volume at most ", p_.limits.file_bytes,
                    " (--volume-file-max)");
      d.stored = p_.contents.has(workspace_, d.content.id);
      if (!d.stored) unknown.insert(d.content.id);
      files_.push_back(std::move(d));
    }
    hold_ = p_.uploads.hold(workspace_, unknown);
    for (Described& d : files_) {
      // Whoever held it before may have brought it.
      if (d.stored || (d.stored = p_.contents.has(workspace_, d.content.id))) continue;
      ASSIGN_OR_RETURN(d.have, p_.uploads.begin(workspace_, d.content, now_));
      for (std::uint64_t i = 0; i < d.have.size(); ++i)
        if (d.have[i]) came_[std::string(volumes::block_of(d.content, i))] = {d.content.id, i};
    }
    return {};
  }

  // Each block once; those that the workspace has somewhere are not missing.
  template <class F>
  void each_missing(F&& f) const {
    std::set<std::string_view> told;
    for (std::size_t i = 0; i < files_.size(); ++i)
      for (std::uint64_t n = 0; n < files_[i].have.size(); ++n) {
        const std::string_view block = volumes::block_of(files_[i].content, n);
        if (files_[i].have[n] || has(block) || !told.insert(block).second) continue;
        f(i, n, files_[i].content, block);
      }
  }

  Result<std::vector<Change>> finish() {
    std::vector<Change> changes;
    std::set<std::string> done;
    for (const Described& d : files_) {
      if (d.stored) {
        TRY(batch_.add_stored(d.content, d.mode));
      } else if (done.insert(d.content.id).second) {
        TRY(fill(d));
        ASSIGN_OR_RETURN(const std::string path, p_.uploads.finish(workspace_, d.content));
        batch_.add_finished(path, d.content, d.mode);
      } else {
        twice_.push_back(&d);
      }
      changes.push_back(change_of(d.path, d.mode, d.content, now_));
    }
    // The same bytes under another mode: copied from the first once that is in its place.
    if (!twice_.empty()) TRY(batch_.commit());
    for (const Described* d : twice_) TRY(batch_.add_stored(d->content, d->mode));
    return changes;
  }
  volumes::Contents::Batch& batch() { return batch_; }

 private:
  bool has(std::string_view block) const {
    if (block == volumes::hash_of_nothing() || came_.contains(std::string(block))) return true;
    const auto place = c_.store.read(
        [&](store::View& view) { return store::find_volume_block(view, workspace_, block); });
    return place && p_.contents.has(workspace_, place->content);
  }

  // The blocks that came for other files, or that the store has in them.
  Result<void> fill(const Described& d) {
    for (std::uint64_t n = 0; n < d.have.size(); ++n) {
      const std::string block(volumes::block_of(d.content, n));
      if (d.have[n] || block == volumes::hash_of_nothing()) continue;
      const std::uint64_t length = volumes::block_length(d.content.size, n);
      ASSIGN_OR_RETURN(std::string bytes, fetch(block));
      bytes.resize(std::min(length, bytes.find_last_not_of('\0') + 1));
      ASSIGN_OR_RETURN(auto place, p_.uploads.receive(workspace_, d.content.id, n, block));
      TRY(place.write(bytes));
      TRY(place.finish());
    }
    return {};
  }

  Result<std::string> fetch(const std::string& block) {
    if (const auto it = came_.find(block); it != came_.end())
      return p_.uploads.read(workspace_, it->second.content, it->second.number,
                             volumes::kBlockBytes);
    std::optional<store::VolumeContent> content;
    const auto place = c_.store.read([&](store::View& view) {
      const auto found = store::find_volume_block(view, workspace_, block);
      if (found) content = store::find_volume_content(view, workspace_, found->content);
      return found;
    });
    if (!place || !content) return fail(Code::kUnavailable, "a block is there no more; try again");
    return p_.contents.read_block(workspace_, *content, place->number);
  }

  const Context& c_;
  const VolumeParts& p_;
  const WorkspaceId workspace_;
  const Time now_;
  volumes::Uploads::Hold hold_;  // until the batch has put the files where they belong
  volumes::Contents::Batch batch_;
  std::vector<Described> files_;
  std::vector<const Described*> twice_;
  std::map<std::string, store::BlockPlace> came_;  // with this upload
};

}  // namespace

Result<store::Volume> VolumeFiles::writable(rpc::Call& call, const std::string& id) {
  return c_.store.read([&](store::View& view) { return volume_of(c_, view, call, id); });
}

Result<VolumeFiles::Empty> VolumeFiles::put_files(
    rpc::Call& call, const modal::client::VolumePutFilesRequest& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const store::Volume volume, writable(call, request.volume_id()));
  const WorkspaceId& workspace = call.caller.workspace;
  volumes::Contents::Batch batch(p_.contents, workspace,
                                 volumes::known_contents(c_.store, workspace));
  std::vector<Change> changes;
  for (const auto& file : request.files()) {
    ASSIGN_OR_RETURN(std::string path, path_of_file(file.filename()));
    const std::string& sha256 = file.sha256_hex();
    const std::uint32_t mode = mode_of(file.mode());
    bool sent = false;
    auto known = c_.store.read([&](store::View& view) {
      sent = store::was_sent(view, workspace, sha256);
      return store::find_volume_content_of_file(view, workspace, sha256);
    });
    if (known && p_.contents.has(workspace, known->id)) {
      TRY(batch.add_stored(*known, mode));
    } else {
      if (!sent || !c_.blobs.touch(sha256))
        return fail(Code::kNotFound, "the content of ", path, " (sha256 ", sha256,
                    ") was never sent");
      ASSIGN_OR_RETURN(known, batch.add_lasting(c_.blobs.path_of(sha256), mode));
    }
    changes.push_back(change_of(std::move(path), mode, *std::move(known), call.now));
    changes.back().sha256 = sha256;
  }
  const auto keep = [&](store::Tx& tx) { keep_reply_of(c_, tx, call, Empty()); };
  TRY(volumes::write_changes(c_.store, batch, {volume.id, workspace, keep}, changes,
                             manner_of(request.disallow_overwrite_existing_files()), p_.limits,
                             call.now));
  return Empty();
}

Result<modal::client::VolumePutFiles2Response> VolumeFiles::put_files_2(
    rpc::Call& call, const VolumePutFiles2Request& request, VolumeWork&) {
  ASSIGN_OR_RETURN(const store::Volume volume, writable(call, request.volume_id()));
  const WorkspaceId& workspace = call.caller.workspace;
  BlockUpload upload(c_, p_, workspace, call.now);
  TRY(upload.describe_all(request));
  modal::client::VolumePutFiles2Response reply;
  std::uint64_t bytes = 0;
  upload.each_missing([&](std::size_t file, std::uint64_t number,
                          const store::VolumeContent& content, std::string_view block) {
    bytes += volumes::block_length(content.size, number);
    auto& missing = *reply.add_missing_blocks();
    missing.set_file_index(file);
    missing.set_block_index(number);
    missing.set_put_url(block_address(call, {.method = "PUT",
                                             .workspace = workspace,
                                             .content = content.id,
                                             .number = number,
                                             .block = std::string(block)}));
  });
  if (!reply.missing_blocks().empty()) {
    // Clients send a block that finds no room again and again, for minutes.
    TRY(p_.uploads.check_room(bytes));
    return reply;
  }
  ASSIGN_OR_RETURN(const std::vector<Change> changes, upload.finish());
  const auto keep = [&](store::Tx& tx) { keep_reply_of(c_, tx, call, reply); };
  TRY(volumes::write_changes(c_.store, upload.batch(), {volume.id, workspace, keep}, changes,
                             manner_of(request.disallow_overwrite_existing_files()), p_.limits,
                             call.now));
  return reply;
}

}  // namespace ionian::services
