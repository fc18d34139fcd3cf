#include "services/mounts.h"

#include "blobs/hash.h"
#include "services/blobs.h"
#include "services/data_objects.h"
#include "services/environments.h"
#include "store/volumes.h"

namespace ionian::services {
namespace {

constexpr std::string_view kClientMount = "modal-client-mount-";
// A file of no bytes cannot be told from "do you have it?" on the wire, so it is always there.
constexpr std::string_view kHashOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::vector<images::MountFile> files_of(const modal::client::MountGetOrCreateRequest& request) {
  std::vector<images::MountFile> files;
  for (const auto& file : request.files())
    files.push_back({file.filename(), file.sha256_hex(), file.mode()});
  return files;
}

// What this workspace has sent: what another one has, it does not hear of, nor can it tell from the
// work.
bool has(const Context& c, store::View& view, const WorkspaceId& workspace,
         const std::string& hash) {
  return store::was_sent(view, workspace, hash) && c.blobs.touch(hash);
}

void set_now(google::protobuf::Timestamp* stamp, Time now) {
  const auto ns = now.time_since_epoch().count();
  stamp->set_seconds(ns / 1'000'000'000);
  stamp->set_nanos(static_cast<std::int32_t>(ns % 1'000'000'000));
}

}  // namespace

bool is_client_mount(const store::Mount& mount) {
  return mount.workspace.empty() && mount.name.starts_with(kClientMount);
}

Result<std::string> tree_of_mount(const Context& c, const store::Mount& mount) {
  // Not by the path that was once written down: the folder may have come here from elsewhere, or
  // from a backup, which has no downloads.
  if (is_client_mount(mount))
    return c.client_mounts.client_mount(mount.name.substr(kClientMount.size()));
  modal::client::MountGetOrCreateRequest request;
  if (!request.ParseFromString(mount.files))
    return fail(Code::kDataLoss, "the record of mount ", mount.id, " is damaged");
  return c.mount_trees.tree_of(files_of(request));
}

void Mounts::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("MountBatchedCheckExistence", &Mounts::check);
  on("MountPutFile", &Mounts::put_file);
  on("MountGetOrCreate", &Mounts::get_or_create);
}

Result<modal::client::MountBatchedCheckExistenceResponse> Mounts::check(
    rpc::Call& call, const modal::client::MountBatchedCheckExistenceRequest& request,
    store::View& view) {
  modal::client::MountBatchedCheckExistenceResponse reply;
  for (const std::string& hash : request.sha256_hex_hashes())
    if (!has(c_, view, call.caller.workspace, hash)) reply.add_missing_sha256_hex_hashes(hash);
  set_now(reply.mutable_checked_at(), call.now);
  return reply;
}

Result<modal::client::MountPutFileResponse> Mounts::put_file(
    rpc::Call& call, const modal::client::MountPutFileRequest& request, VolumeWork&) {
  const std::string& hash = request.sha256_hex();
  modal::client::MountPutFileResponse reply;
  set_now(reply.mutable_checked_at(), call.now);
  const bool brings_data = !request.data().empty() || hash == kHashOfNothing;
  if (brings_data) {
    ASSIGN_OR_RETURN(auto writer, c_.blobs.writer());
    TRY(writer.write(request.data()));
    TRY(writer.commit({.sha256 = hash, .size = std::nullopt}));
  } else if (!request.data_blob_id().empty()) {
    TRY(blob_of_file(c_, call, request.data_blob_id(), hash));
  }
  if (brings_data || !request.data_blob_id().empty())
    TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
      store::note_sent_file(tx, call.caller.workspace, hash);
      return {};
    }));
  reply.set_exists(
      c_.store.read([&](store::View& view) { return has(c_, view, call.caller.workspace, hash); }));
  return reply;
}

Result<modal::client::MountGetOrCreateResponse> Mounts::get_or_create(
    rpc::Call& call, const modal::client::MountGetOrCreateRequest& request, Slow&) {
  using modal::client::ObjectCreationType;
  const std::string& name = request.deployment_name();
  const bool find =
      request.object_creation_type() == ObjectCreationType::OBJECT_CREATION_TYPE_UNSPECIFIED;
  Result<store::Mount> mount = fail(Code::kInternal, "");
  if (name.empty())
    mount = mount_of_files(call, request);
  else if (!find)
    mount = deploy(call, request);
  else if (name.starts_with(kClientMount))
    mount = client_mount(name);
  else
    mount = find_named(call, request);
  if (!mount) return std::unexpected(mount.error());
  modal::client::MountGetOrCreateResponse reply;
  reply.set_mount_id(mount->id.str());
  reply.mutable_handle_metadata()->set_content_checksum_sha256_hex(mount->checksum);
  return reply;
}

Result<store::Mount> Mounts::client_mount(const std::string& name) {
  const WorkspaceId global;
  const auto known = c_.store.read(
      [&](store::View& view) { return store::find_mount_by_name(view, global, {}, name); });
  if (known) return *known;
  ASSIGN_OR_RETURN(const std::string tree,
                   c_.client_mounts.client_mount(name.substr(kClientMount.size())));
  store::Mount mount{.id = MountId::make(c_.random, c_.clock.now()), .name = name, .tree = tree};
  mount.checksum = blobs::sha256_hex(name);
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    // Two callers may have made it at once; the first record is the one.
    if (auto first = store::find_mount_by_name(tx, global, {}, name))
      mount = *first;
    else
      store::insert_mount(tx, mount, c_.clock.now());
    return {};
  }));
  return mount;
}

Result<store::Mount> Mounts::find_named(const rpc::Call& call,
                                        const modal::client::MountGetOrCreateRequest& request) {
  return c_.store.read([&](store::View& view) -> Result<store::Mount> {
    ASSIGN_OR_RETURN(const store::Environment environment,
                     environment_of(c_, view, call, request.environment_name()));
    auto found = store::find_mount_by_name(view, call.caller.workspace, environment.id,
                                           request.deployment_name());
    if (!found) return fail(Code::kNotFound, "mount '", request.deployment_name(), "' not found");
    return *std::move(found);
  });
}

Result<store::Mount> Mounts::deploy(const rpc::Call& call,
                                    const modal::client::MountGetOrCreateRequest& request) {
  using modal::client::ObjectCreationType;
  const std::string& name = request.deployment_name();
  TRY(check_object_name("Mount", name));
  if (request.namespace_() == modal::client::DEPLOYMENT_NAMESPACE_GLOBAL ||
      name.starts_with(kClientMount))
    return fail(Code::kInvalidArgument, "mounts for all, and those named ", kClientMount,
                "…, are the server's own");
  const bool may_exist = request.object_creation_type() !=
                         ObjectCreationType::OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS;
  ASSIGN_OR_RETURN(store::Mount mount, new_mount(call, request));
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(const store::Environment environment,
                     environment_of(c_, tx, call, request.environment_name()));
    mount.environment = environment.id;
    mount.name = name;
    if (const auto known = store::find_mount_by_name(tx, mount.workspace, environment.id, name)) {
      if (!may_exist) return fail(Code::kAlreadyExists, "Mount '", name, "' already exists");
      // Functions that have the former one keep it.
      store::take_mount_name(tx, known->id);
    }
    store::insert_mount(tx, mount, call.now);
    return {};
  }));
  return mount;
}

Result<store::Mount> Mounts::new_mount(const rpc::Call& call,
                                       const modal::client::MountGetOrCreateRequest& request) {
  const std::vector<images::MountFile> files = files_of(request);
  TRY(c_.store.read([&](store::View& view) -> Result<void> {
    for (const images::MountFile& file : files)
      if (file.sha256 != kHashOfNothing && blobs::is_sha256_hex(file.sha256) &&
          !has(c_, view, call.caller.workspace, file.sha256))
        return fail(Code::kNotFound, "the content of ", file.filename, " (sha256 ", file.sha256,
                    ") was never sent");
    return {};
  }));
  // Making the tree now tells the client of a bad name or a missing content while it can still do
  // something.
  TRY(c_.mount_trees.tree_of(files));
  modal::client::MountGetOrCreateRequest only_files;
  *only_files.mutable_files() = request.files();
  auto sorted = files;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.filename < b.filename; });
  return store::Mount{.id = MountId::make(c_.random, call.now),
                      .workspace = call.caller.workspace,
                      .checksum = images::MountTrees::key_of(sorted),
                      .files = only_files.SerializeAsString()};
}

Result<store::Mount> Mounts::mount_of_files(const rpc::Call& call,
                                            const modal::client::MountGetOrCreateRequest& request) {
  ASSIGN_OR_RETURN(store::Mount mount, new_mount(call, request));
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    if (auto known = store::find_mount_by_checksum(tx, mount.workspace, mount.checksum)) {
      mount = *known;
      store::note_mount_use(tx, mount.id, call.now);
    } else {
      store::insert_mount(tx, mount, call.now);
    }
    return {};
  }));
  return mount;
}

}  // namespace ionian::services
