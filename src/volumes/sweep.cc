#include "volumes/sweep.h"

#include "base/log.h"

namespace ionian::volumes {
namespace {

constexpr Duration kContentKept = 1h, kUploadKept = 24h;
constexpr std::size_t kAtOnce = 500;

}  // namespace

void sweep(store::Store& store, Contents& contents, Uploads& uploads, Time now) {
  uploads.remove_older_than(now - kUploadKept);
  for (;;) {
    const std::unique_lock alone = contents.try_exclude();
    if (!alone) return;
    const auto unused = store.read([&](store::View& view) {
      return store::list_unused_contents(view, now - kContentKept, kAtOnce);
    });
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

}  // namespace ionian::volumes
