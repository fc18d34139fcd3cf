// What the server does with its records at its start and from time to time.
#include <filesystem>

#include "server/handlers.h"
#include "server/parts.h"
#include "services/blob_sweep.h"
#include "services/kept_replies.h"
#include "services/mount_sweep.h"
#include "services/restore.h"
#include "services/secret_sweep.h"
#include "store/objects.h"
#include "volumes/sweep.h"

namespace ionian::server {
Result<void> Parts::settle_records() {
  services::clear_incoming(services::shared_folders(options_.data));
  TRY(services::remove_spent_layers(*store_, *base_images_, *layers_));
  TRY(store_->write_now([&](store::Tx& tx) -> Result<void> {
    TRY(services::make_first_workspace(tx, random_, clock_.now()));
    TRY(auth_tokens_->load(tx, random_, clock_.now()));
    if (!options_.owner_password.empty())
      TRY(services::make_owner_account(tx, options_.owner_email, options_.owner_password,
                                       clock_.now()));
    // Nobody could give a sign of life while the server was away.
    store::note_all_beats(tx, clock_.now());
    store::fail_unfinished_images(tx, "the server was restarted while the image was built");
    return {};
  }));
  TRY(history_->load());
  return services::restore_apps(*context_, clock_.now());
}

// Once a second: what a token's end does to calls that are under way is seen within five.
std::optional<Time> Parts::recheck_open_calls(Time now) {
  if (now < next_recheck_) return next_recheck_;
  pipeline_->end_what_may_no_longer_be();
  tasks_->end_cut_off(now);
  if (now >= next_removal_) {
    services::remove_what_is_old(*store_, context_->history_limits, now);
    const bool is_short = disk_is_short();
    services::purge_what_was_deleted(*store_, options_.keep_deleted, is_short, now);
    volume_pool_->post([this, is_short, now] {
      volumes::sweep(*store_, *contents_, *uploads_, is_short, now);
      services::sweep_shared_volumes(*store_, services::shared_folders(options_.data),
                                     context_->shared_mounts);
    });
    next_removal_ = now + 1min;
  }
  if (now >= next_blob_sweep_) {
    core_loop_->post([this, now] {
      volume_pool_->post([this, now, oldest_calls = core_->oldest_calls()] {
        services::sweep_mounts(*store_, *mount_trees_, now);
        services::sweep_secrets(*store_, now);
        services::sweep_blobs(*store_, *blobs_, oldest_calls, now);
      });
    });
    blob_routes_->remove_dead_parts(now);
    log_loop_->post([this] { logs_->remove_older_than(wall_.now() - options_.logs_kept); });
    next_blob_sweep_ = now + 1h;
  }
  next_recheck_ = now + 1s;
  return next_recheck_;
}

bool Parts::disk_is_short() const {
  std::error_code error;
  const auto disk = std::filesystem::space(options_.data, error);
  return !error && disk.available < options_.purge_deleted_below_mib << 20;
}

}  // namespace ionian::server
