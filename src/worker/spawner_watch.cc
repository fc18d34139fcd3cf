#include "worker/spawner_watch.h"

namespace ionian::worker {

SpawnerWatch::Wish SpawnerWatch::look(std::uint64_t requests, Time now) {
  if (!pinged_ && requests == answered_) return Wish::kNothing;
  if (next_ == Time::max()) next_ = now + step_;
  if (now < next_) return Wish::kNothing;
  next_ = now + step_;
  if (pinged_) return ++silent_ < kLooks - 1 ? Wish::kNothing : Wish::kGiveUp;
  pinged_ = true;
  silent_ = 0;
  answered_ = requests;
  return Wish::kPing;
}

void SpawnerWatch::answered() {
  pinged_ = false;
  next_ = Time::max();
}

}  // namespace ionian::worker
