// The spawner: what it says, whether it still does, and another one in its place.
#include <sys/epoll.h>

#include "base/log.h"
#include "worker/worker.h"

namespace ionian::worker {

void Worker::handle_spawner() {
  if (!spawner_.flush()) return lose_all("has died");
  Result<std::vector<container::ContainerEvent>> events = spawner_.read_events();
  if (!events) return lose_all("has died");
  watch_.heard();
  for (container::ContainerEvent& event : *events)
    if (event.kind == container::ContainerEvent::kPong)
      watch_.answered();
    else if (execs_.contains(event.id))
      handle_exec(event);
    else if (const auto it = living_.find(event.id); it != living_.end())
      handle_event(it->second, event);
}

void Worker::tend_spawner() {
  if (spawner_lost_) return;
  switch (watch_.look(spawner_.requests(), clock_.now())) {
    case SpawnerWatch::Wish::kNothing:
      break;
    case SpawnerWatch::Wish::kPing:
      (void)spawner_.ping();  // one that has died is noticed by its events
      break;
    case SpawnerWatch::Wish::kGiveUp:
      return lose_all("does not answer");
  }
  if (spawner_.wants_to_send() == sends_later_) return;
  sends_later_ = !sends_later_;
  epoll_event event{.events = EPOLLIN | (sends_later_ ? EPOLLOUT : 0U),
                    .data = {.fd = spawner_.fd()}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, spawner_.fd(), &event) == 0);
}

void Worker::lose_all(const char* why) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, spawner_.fd(), nullptr);
  spawner_lost_ = true;
  log::error("the spawner ", why, ", and its containers end with it; another one takes its place");
  lose_execs();
  std::vector<std::string> ids;
  for (auto& [id, living] : living_) {
    living.end = TaskEnd{.lost = true};
    ids.push_back(id);
  }
  for (const std::string& id : ids) finish_if_over(id);
  if (spawner_lost_) (void)replace_spawner();
}

// If it cannot be replaced now, the next container tries again; the core lets it wait ever longer.
Result<void> Worker::replace_spawner() {
  if (Result<void> again = spawner_.restart(); !again) {
    log::error("no other spawner: ", again.error().message);
    return again;
  }
  epoll_event event{.events = EPOLLIN, .data = {.fd = spawner_.fd()}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, spawner_.fd(), &event) == 0);
  sends_later_ = spawner_lost_ = false;
  watch_ = SpawnerWatch(options_.spawner_silence, spawner_.requests());
  return {};
}

}  // namespace ionian::worker
