// The ends of builds, also where the disk is full.
#include "base/log.h"
#include "services/images.h"

namespace ionian::services {

void Images::finish(Build& build, const Result<images::BuiltImage>& built) {
  End end{.record = build.record, .cached = !build.request.ignore_cache()};
  store::Image& record = end.record;
  record.state = built ? store::ImageState::kBuilt : store::ImageState::kFailed;
  if (built)
    record.built = to_json(*built, build.request.builder_version());
  else
    record.error = built.error().message;
  if (Result<void> kept = c_.store.write_now(write_of(end)); !kept) {
    log::error("image ", record.id, ": what became of its build could not be written, and is ",
               "written again later: ", kept.error().message);
    end.why_not_kept = kept.error().message;
    end.again = c_.clock.now() + kWriteAgain;
    {
      std::lock_guard lock(unwritten_->mutex);
      unwritten_->ends.insert_or_assign(record.id, end);
    }
    c_.core_loop.post([] {});  // which asks when to write again
  }
  {
    std::lock_guard lock(mutex_);
    by_key_.erase(build.key);
  }
  c_.end_log(record.id.str());
}

store::Work Images::write_of(const End& end) {
  return [end](store::Tx& tx) -> Result<void> {
    if (end.record.state == store::ImageState::kBuilt)
      store::set_image_built(tx, end.record, end.cached);
    else
      store::set_image_failed(tx, end.record.id, end.record.error);
    return {};
  };
}

std::optional<Time> Images::write_again(Time now) {
  std::vector<End> due;
  std::optional<Time> next;
  {
    std::lock_guard lock(unwritten_->mutex);
    for (auto& [id, end] : unwritten_->ends) {
      if (end.again <= now) {
        end.again = now + kWriteAgain;
        due.push_back(end);
      }
      next = next ? std::min(*next, end.again) : end.again;
    }
  }
  for (const End& end : due)
    c_.store.write(write_of(end), [all = unwritten_, id = end.record.id](Result<void> written) {
      std::lock_guard lock(all->mutex);
      if (written) all->ends.erase(id);
    });
  return next;
}

std::optional<store::Image> Images::unwritten(const WorkspaceId& workspace,
                                              const ImageId& id) const {
  std::lock_guard lock(unwritten_->mutex);
  const auto found = unwritten_->ends.find(id);
  if (found == unwritten_->ends.end() || found->second.record.workspace != workspace)
    return std::nullopt;
  store::Image told = found->second.record;
  if (told.state == store::ImageState::kBuilt)
    told.error = cat("it is built, but that could not be written: ", found->second.why_not_kept,
                     ". The server goes on trying");
  told.state = store::ImageState::kFailed;
  return told;
}

}  // namespace ionian::services
