// Volumes of running tasks: one version in the place of another.
#include "container/spec.pb.h"
#include "worker/task_container.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

// Clients look for this text.
constexpr std::string_view kBusy = "there are open files preventing the operation";

}  // namespace

void Worker::exchange(const TaskId& id, TaskVolume volume, Exchanged done) {
  post([this, id, volume = std::move(volume), done = std::move(done)]() mutable {
    const auto container = container_of_.find(id.str());
    const auto living =
        container == container_of_.end() ? living_.end() : living_.find(container->second);
    if (living == living_.end() || living->second.end || living->second.standby)
      return done(fail(Code::kUnavailable, "the container does not run"));
    auto& exchanges = living->second.exchanges;
    exchanges.emplace_back(std::move(volume), std::move(done));
    if (exchanges.size() == 1) begin_exchange(living->second);
  });
}

void Worker::begin_exchange(Living& living) {
  // A spawner that has died is noticed by its events.
  (void)spawner_.exchange(living.id, overlay_of(living.exchanges.front().first));
}

void Worker::end_exchange(Living& living, const container::ContainerEvent& event) {
  if (living.exchanges.empty()) return;
  const auto [volume, done] = std::move(living.exchanges.front());
  living.exchanges.erase(living.exchanges.begin());
  if (!living.exchanges.empty()) begin_exchange(living);
  if (event.busy)
    done(fail(Code::kFailedPrecondition, "volume ", volume.volume_id(), ": ", kBusy));
  else if (!event.error.empty())
    done(fail(Code::kInternal, event.error));
  else
    done({});
}

}  // namespace ionian::worker
