#include "volumes/sweep.h"

#include "base/log.h"
#include "store/workspaces.h"

namespace ionian::volumes {
namespace {

constexpr Duration kContentKept = 1h, kContentKeptWhereShort = 5min, kUploadKept = 24h;
constexpr std::size_t kAtOnce = 500;

// Files whose records were refused, or had gone when the server ended before they did.
void sweep_strays(store::Store& store, Contents& contents, unsigned part) {
  const std::unique_lock alone = contents.try_exclude();
  if (!alone) return;
  const auto workspaces =
      store.read([](store::View& view) { return store::list_workspaces(view); });
  for (const store::Workspace& workspace : workspaces) {
    std::vector<store::StoredContent> strays = contents.list_part(workspace.id, part);
    store.read([&](store::View& view) {
      std::erase_if(strays, [&](const store::StoredContent& each) {
        return store::find_volume_content(view, workspace.id, each.content.id).has_value();
      });
    });
    for (const store::StoredContent& each : strays) contents.remove(each);
  }
}

void sweep_unused(store::Store& store, Contents& contents, Time before) {
  for (;;) {
    const std::unique_lock alone = contents.try_exclude();
    if (!alone) return;
    const auto unused = store.read(
        [&](store::View& view) { return store::list_unused_contents(view, before, kAtOnce); });
    if (unused.empty()) return;
    const Result<void> done = store.write_now([&](store::Tx& tx) -> Result<void> {
      for (const store::StoredContent& each : unused) store::remove_volume_content(tx, each);
      return {};
    });
    if (!done)
      return log::warning("unused files of volumes could not be removed: ", done.error().message);
    for (const store::StoredContent& each : unused) contents.remove(each);
  }
}

}  // namespace

void sweep(store::Store& store, Contents& contents, Uploads& uploads, bool disk_is_short,
           Time now) {
  uploads.remove_older_than(now - kUploadKept);
  sweep_unused(store, contents, now - (disk_is_short ? kContentKeptWhereShort : kContentKept));
  sweep_strays(store, contents,
               static_cast<unsigned>(now.time_since_epoch() / 1min % Contents::kParts));
}

}  // namespace ionian::volumes
