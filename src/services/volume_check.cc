#include "services/volume_check.h"

#include "base/log.h"

namespace ionian::services {

void VolumeCheck::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("VolumesCheck", &VolumeCheck::check, rpc::Access::kOwner);
}

Result<VolumesCheckResponse> VolumeCheck::check(rpc::Call&, const VolumesCheckRequest& request,
                                                VolumeWork&) {
  const store::StoredContent after{.workspace = WorkspaceId(request.after_workspace()),
                                   .content = {.id = request.after_content()}};
  const auto page = c_.store.read(
      [&](store::View& view) { return store::list_volume_contents(view, after, kFilesAtOnce); });
  VolumesCheckResponse reply;
  for (const store::StoredContent& stored : page) {
    for (const std::string& problem : p_.contents.check(stored)) {
      std::string told = problem;
      const auto places = c_.store.read(
          [&](store::View& view) { return store::places_of_content(view, stored.content.id, 10); });
      // What no volume has any more goes by itself.
      if (places.empty()) continue;
      for (const std::string& place : places) told += cat("; it is ", place);
      // What has been removed since the page was read is no problem.
      const bool there = c_.store.read([&](store::View& view) {
        return store::find_volume_content(view, stored.workspace, stored.content.id).has_value();
      });
      if (!there) continue;
      log::error("volumes: ", told);
      reply.add_problems(std::move(told));
    }
    reply.set_files(reply.files() + 1);
    reply.set_bytes(reply.bytes() + stored.content.size);
    reply.set_last_workspace(stored.workspace.str());
    reply.set_last_content(stored.content.id);
    if (reply.bytes() >= kBytesAtOnce) return reply;
  }
  reply.set_done(page.size() < kFilesAtOnce);
  return reply;
}

}  // namespace ionian::services
