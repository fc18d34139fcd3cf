#include "volumes/write.h"

#include "store/deleted.h"
#include "store/objects.h"

namespace ionian::volumes {
namespace {

void put_contents(store::Tx& tx, const Target& target, const std::vector<Change>& changes,
                  Time now) {
  for (const Change& change : changes)
    if (change.brought)
      store::put_volume_content(tx, target.workspace, *change.brought, change.sha256, now);
}

bool takes_changes(store::View& view, const Target& target) {
  if (store::find_object(view, target.workspace, "volume", target.volume)) return true;
  return target.deleted_too && store::find_deleted(view, target.volume);
}

}  // namespace

Result<void> write_changes(store::Store& store, Contents::Batch& batch, const Target& target,
                           const std::vector<Change>& changes, Manner manner, const Limits& limits,
                           Time now) {
  if (changes.empty()) return {};
  TRY(batch.commit());
  const Result<void> written = store.write_now([&](store::Tx& tx) -> Result<void> {
    auto volume = store::find_volume(tx, target.volume);
    if (!volume || !takes_changes(tx, target))
      return fail(Code::kNotFound, "volume '", target.volume, "' not found: it was deleted");
    put_contents(tx, target, changes, now);
    TRY(apply(tx, *volume, changes, manner, limits, now));
    if (target.with) target.with(tx);
    return {};
  });
  if (written) return {};
  // What came is on disk, and whoever asks again with another name or right need not send it again.
  (void)store.write_now([&](store::Tx& tx) -> Result<void> {
    put_contents(tx, target, changes, now);
    return {};
  });
  return written;
}

Contents::Batch::Known known_contents(store::Store& store, const WorkspaceId& workspace) {
  return [&store, workspace](std::string_view id) {
    return store
        .read([&](store::View& view) { return store::find_volume_content(view, workspace, id); })
        .has_value();
  };
}

}  // namespace ionian::volumes
