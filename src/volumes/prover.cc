#include "volumes/prover.h"

#include <tuple>

#include "store/workspaces.h"

namespace ionian::volumes {
namespace {

constexpr std::size_t kPage = 256;

bool after(const store::StoredContent& a, const store::StoredContent& b) {
  return std::tie(a.workspace, a.content.id) > std::tie(b.workspace, b.content.id);
}

}  // namespace

Prover::Prover(store::Store& store, const Contents& contents, Random& random, Options options)
    : store_(store), contents_(contents), random_(random), options_(options) {
  if (options_.bytes_per_second > 0) thread_ = std::thread([this] { main(); });
}

Prover::~Prover() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Prover::rest(Duration time) {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, time, [this] { return stopping_; });
}

void Prover::main() {
  if (!rest(options_.first_after)) return;
  while (prove_all() && rest(options_.between)) {
  }
}

bool Prover::prove_all() {
  const auto workspaces =
      store_.read([](store::View& view) { return store::list_workspaces(view); });
  if (workspaces.empty()) return rest(0ns);
  const store::StoredContent start{.workspace = workspaces[random_.below(workspaces.size())].id,
                                   .content = {.id = sha256_of(std::to_string(random_.u64()))}};
  return prove_from(start, nullptr) && prove_from({}, &start);
}

bool Prover::prove_from(store::StoredContent last, const store::StoredContent* up_to) {
  const auto pace = [this](std::size_t bytes) {
    return rest(Duration(static_cast<std::int64_t>(
        static_cast<double>(bytes) * 1e9 / static_cast<double>(options_.bytes_per_second))));
  };
  for (;;) {
    const auto page = store_.read(
        [&](store::View& view) { return store::list_volume_contents(view, last, kPage); });
    for (const store::StoredContent& stored : page) {
      if (up_to && after(stored, *up_to)) return true;
      // What is damaged is told of, and set aside, by those who find it. What is missing by now may
      // have been removed; who mounts it hears of it.
      (void)contents_.check(stored, pace);
      last = stored;
      if (!rest(0ns)) return false;
    }
    if (page.size() < kPage) return true;
  }
}

}  // namespace ionian::volumes
