#include "services/mount_sweep.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "modal_proto/function.pb.h"
#include "services/sweeping.h"
#include "store/images.h"

namespace ionian::services {
namespace {

std::set<MountId> mounts_in_use(store::Store& store, Time now) {
  std::set<MountId> used;
  store.read([&](store::View& view) {
    store::each_mounting(view, now - kMountsOfStoppedAppsKept, [&](const store::Mounting& m) {
      modal::client::Function function;
      modal::client::FunctionOptions options;
      (void)function.ParseFromString(m.function);
      (void)options.ParseFromString(m.options);
      for (const std::string& id : function.mount_ids()) used.emplace(id);
      for (const std::string& id : options.mount_ids()) used.emplace(id);
    });
  });
  return used;
}

Result<void> sweep_records(store::Store& store, Time now) {
  const Time before = now - kMountKept;
  std::vector<MountId> unused =
      store.read([&](store::View& view) { return store::list_unused_mounts(view, before); });
  if (unused.empty()) return {};
  const std::set<MountId> used = mounts_in_use(store, now);
  std::erase_if(unused, [&](const MountId& id) { return used.contains(id); });
  return remove_each(store, unused, [&](store::Tx& tx, const MountId& id) {
    store::remove_unused_mount(tx, id, before);
  });
}

Result<void> sweep_trees(store::Store& store, const images::MountTrees& trees, Time now) {
  for (const std::string& key : trees.list_older_than(now - kTreeKept))
    if (!store.read([&](store::View& view) { return store::any_mount_has(view, key); }))
      TRY(trees.remove(key));
  return {};
}

}  // namespace

void sweep_mounts(store::Store& store, const images::MountTrees& trees, Time now) {
  Result<void> done = sweep_records(store, now);
  if (done) done = sweep_trees(store, trees, now);
  if (!done) log::warning("unused mounts could not be removed: ", done.error().message);
}

}  // namespace ionian::services
