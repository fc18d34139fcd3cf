#include "services/queue_takes.h"

#include <algorithm>

#include "base/log.h"
#include "modal_proto/queue.pb.h"
#include "services/data_objects.h"
#include "services/kept_replies.h"
#include "store/dicts.h"

namespace ionian::services {
namespace {

const modal::client::QueueGetRequest& request_of(const rpc::ActiveCallPtr& call) {
  return static_cast<const modal::client::QueueGetRequest&>(call->request());
}

store::PartitionKey key_of(const rpc::ActiveCallPtr& call) {
  return {.queue = request_of(call).queue_id(), .key = request_of(call).partition_key()};
}

modal::client::QueueGetResponse reply_of(const std::vector<store::QueueItem>& items) {
  modal::client::QueueGetResponse reply;
  for (const store::QueueItem& item : items) reply.add_values(item.value);
  return reply;
}

}  // namespace

QueueTakes::QueueTakes(Context& context)
    : c_(context),
      next_sweep_(context.clock.now()),
      loop_("data", context.clock, &watched_, [this](Time now) { return after_batch(now); }) {}

// What is under way in the store speaks of this object until it is through, and may put items back.
QueueTakes::~QueueTakes() {
  stop();
  const auto nothing = [](store::Tx&) -> Result<void> { return {}; };
  for (int flush = 0; flush < 2; ++flush) (void)c_.store.write_now(nothing);
}

void QueueTakes::stop() {
  loop_.stop();
  // Its thread is through: what was that thread's is ours.
  for (auto& [key, line] : lines_)
    for (const Waiter& waiter : line.waiting)
      waiter.call->finish(fail(Code::kUnavailable, "the server is stopping"));
  for (const auto& [at, items] : returns_) give_back(items);
  returns_.clear();
  lines_.clear();
  by_time_.clear();
}

rpc::WatchKey QueueTakes::watch_key(const store::PartitionKey& key) {
  return cat("queue ", key.queue, ' ', key.key);
}

void QueueTakes::came(const store::PartitionKey& key) {
  loop_.do_or_post([this, key] {
    loop_.notify(watch_key(key));
    if (lines_.contains(key)) serve(key);
  });
}

void QueueTakes::gone(const std::string& queue) {
  loop_.post([this, queue] {
    for (auto line = lines_.lower_bound({.queue = queue, .key = {}});
         line != lines_.end() && line->first.queue == queue;) {
      const store::PartitionKey key = (line++)->first;
      serve(key);
    }
  });
}

void QueueTakes::run(rpc::ActiveCallPtr call) {
  if (!loop_.do_or_post([this, call] { arrive(call); }))
    call->finish(fail(Code::kUnavailable, "the server is stopping, or its queues are too busy"));
}

void QueueTakes::cancel(const rpc::ActiveCallPtr& call) {
  loop_.post([this, call] { leave(call); });
}

void QueueTakes::arrive(const rpc::ActiveCallPtr& active) {
  rpc::Call& call = active->call();
  call.now = c_.clock.now();
  if (rpc::Answer answer = call_handler(*active, this)) return active->finish(std::move(*answer));
  if (const std::size_t max = c_.data_limits.queue_waiters; by_time_.size() >= max)
    return active->finish(fail(Code::kResourceExhausted, max,
                               " calls wait for items of queues, and more may not "
                               "(--queue-waiters-max); try again later"));
  const auto& request = request_of(active);
  // Longer than clients wait, whatever they ask for.
  const double patience = std::clamp<double>(request.timeout(), 0, 300);
  Waiter waiter{.call = active,
                .until = call.now + from_seconds(patience),
                .max = std::max(1, request.n_values())};
  by_time_.emplace(waiter.until, active);
  const store::PartitionKey key = key_of(active);
  lines_[key].waiting.push_back(std::move(waiter));
  serve(key);
  // A cancellation that came before has found nobody.
  if (active->cancelled()) leave(active);
}

void QueueTakes::leave(const rpc::ActiveCallPtr& active) {
  const auto line = lines_.find(key_of(active));
  if (line == lines_.end()) return;
  const auto found = std::ranges::find(line->second.waiting, active, &Waiter::call);
  // One that a transaction is taking items for is dealt with when it ends.
  if (found == line->second.waiting.end()) return;
  forget_time(*found);
  line->second.waiting.erase(found);
  active->finish(fail(Code::kCancelled, "the client has gone"));
  if (line->second.idle()) lines_.erase(line);
}

void QueueTakes::serve(const store::PartitionKey& key) {
  Line& line = lines_[key];
  if (line.busy || line.returning > 0) {
    line.again = true;
    return;
  }
  const auto round = std::make_shared<Round>();
  while (!line.waiting.empty() && round->takers.size() < kTakersMax) {
    round->takers.push_back(std::move(line.waiting.front()));
    line.waiting.pop_front();
  }
  if (round->takers.empty()) {
    lines_.erase(key);
    return;
  }
  line.busy = true;
  line.again = false;
  c_.store.write([this, key, round](store::Tx& tx) { return take(tx, key, *round); },
                 [this, key, round](Result<void> committed) {
                   const auto tell = [this, key, round, committed] {
                     settle(key, *round, committed);
                   };
                   if (!loop_.do_or_post(tell)) end_round(key, *round, committed);
                 });
}

// The server is stopping: what was taken goes back.
void QueueTakes::end_round(const store::PartitionKey& key, Round& round,
                           const Result<void>& committed) {
  for (std::size_t i = 0; i < round.takers.size(); ++i) {
    if (committed && !round.items[i].empty())
      give_back(return_of(key, round.takers[i], std::move(round.items[i])));
    round.takers[i].call->finish(fail(Code::kUnavailable, "the server is stopping"));
  }
}

Result<void> QueueTakes::take(store::Tx& tx, const store::PartitionKey& key, Round& round) {
  const Time now = c_.clock.now();
  round.items.assign(round.takers.size(), {});
  const WorkspaceId& workspace = round.takers.front().call->call().caller.workspace;
  round.queue_is_gone = !store::find_object(tx, workspace, kQueueKind.kind, key.queue);
  for (std::size_t i = 0; i < round.takers.size() && !round.queue_is_gone; ++i) {
    const Waiter& taker = round.takers[i];
    if (taker.call->cancelled()) continue;
    round.items[i] = store::take_items(tx, key, now, taker.max, kReplyBytes);
    round.exhausted = round.items[i].empty();
    if (round.exhausted) break;
    taker.call->call().now = now;
    keep_reply_of(c_, tx, taker.call->call(), reply_of(round.items[i]));
  }
  return {};
}

void QueueTakes::settle(const store::PartitionKey& key, Round& round,
                        const Result<void>& committed) {
  std::vector<Waiter> left;
  for (std::size_t i = 0; i < round.takers.size(); ++i) {
    Waiter& taker = round.takers[i];
    forget_time(taker);
    if (!committed) {
      taker.call->finish(std::unexpected(committed.error()));
    } else if (!round.items[i].empty()) {
      settle_one(key, taker, std::move(round.items[i]));
    } else if (taker.call->cancelled()) {
      taker.call->finish(fail(Code::kCancelled, "the client has gone"));
    } else if (round.queue_is_gone) {
      taker.call->finish(fail(Code::kNotFound, "Queue '", key.queue, "' not found"));
    } else if (taker.until <= c_.clock.now()) {
      answer(taker, {});
    } else {
      left.push_back(std::move(taker));
    }
  }
  Line& line = lines_[key];
  line.busy = false;
  for (Waiter& waiter : left) by_time_.emplace(waiter.until, waiter.call);
  line.waiting.insert(line.waiting.begin(), std::make_move_iterator(left.begin()),
                      std::make_move_iterator(left.end()));
  const bool empty = committed && round.exhausted;
  // There is nothing for those that stand further back either.
  for (Waiter& waiter : line.waiting) waiter.tried |= empty;
  if (line.waiting.empty() || line.again || !empty) serve(key);
}

void QueueTakes::settle_one(const store::PartitionKey& key, Waiter& taker,
                            std::vector<store::QueueItem> items) {
  if (!taker.call->cancelled()) return answer(taker, std::move(items));
  ++lines_[key].returning;
  give_back(return_of(key, taker, std::move(items)));
  taker.call->finish(fail(Code::kCancelled, "the client has gone"));
}

std::shared_ptr<QueueTakes::Return> QueueTakes::return_of(const store::PartitionKey& key,
                                                          const Waiter& taker,
                                                          std::vector<store::QueueItem> items) {
  return std::make_shared<Return>(
      Return{.key = key, .reply_key = taker.call->call().reply_key, .items = std::move(items)});
}

void QueueTakes::give_back(const std::shared_ptr<Return>& items) {
  c_.store.write(
      [this, items](store::Tx& tx) -> Result<void> {
        store::give_back_items(tx, items->key, items->items, c_.clock.now());
        store::remove_reply(tx, items->reply_key);
        return {};
      },
      [this, items](Result<void> committed) {
        if (loop_.do_or_post([this, items, committed] { given_back(items, committed); })) return;
        if (!committed)
          log::error("the server is stopping, and items of a queue are lost: ",
                     committed.error().message);
      });
}

void QueueTakes::given_back(const std::shared_ptr<Return>& items, const Result<void>& committed) {
  if (!committed) {
    if (!items->failed)
      log::warning("items of a queue could not be put back, which is tried again every second: ",
                   committed.error().message);
    items->failed = true;
    returns_.emplace(c_.clock.now() + kReturnAgain, items);
    return;
  }
  --lines_[items->key].returning;
  loop_.notify(watch_key(items->key));
  serve(items->key);
}

void QueueTakes::answer(const Waiter& taker, std::vector<store::QueueItem> items) {
  taker.call->finish(std::make_unique<modal::client::QueueGetResponse>(reply_of(items)));
}

std::optional<Time> QueueTakes::after_batch(Time now) {
  std::vector<std::pair<Time, rpc::ActiveCallPtr>> late;
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const rpc::ActiveCallPtr call = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    const auto line = lines_.find(key_of(call));
    if (line == lines_.end()) continue;
    const auto found = std::ranges::find(line->second.waiting, call, &Waiter::call);
    // One that a transaction is taking items for is answered when it ends, and one that has not had
    // its turn yet gets it first.
    if (found == line->second.waiting.end()) continue;
    if (!found->tried && line->second.returning == 0) {
      found->until = now + 1ms;
      late.emplace_back(found->until, call);
      continue;
    }
    const Waiter waiter = std::move(*found);
    line->second.waiting.erase(found);
    answer(waiter, {});
    if (line->second.idle()) lines_.erase(line);
  }
  by_time_.insert(late.begin(), late.end());
  waiting_ = by_time_.size();
  while (!returns_.empty() && returns_.begin()->first <= now)
    give_back(returns_.extract(returns_.begin()).mapped());
  if (now >= next_sweep_) sweep(now);
  Time next = next_sweep_;
  if (!by_time_.empty()) next = std::min(next, by_time_.begin()->first);
  if (!returns_.empty()) next = std::min(next, returns_.begin()->first);
  return next;
}

// What nobody wants any more. A little at a time: writers wait for it.
void QueueTakes::sweep(Time now) {
  constexpr std::int64_t kAtOnce = 1000;
  next_sweep_ = now + 1min;
  c_.store.write(
      [this, now](store::Tx& tx) -> Result<void> {
        store::remove_forgotten_objects(tx, now - kEphemeralLife);
        store::remove_expired_partitions(tx, now, kAtOnce);
        if (c_.dict_entry_life > 0ns)
          store::remove_unused_entries(tx, now - c_.dict_entry_life - kUseIsNotedEvery, kAtOnce,
                                       c_.dicts_kept_in, now);
        return {};
      },
      {});
  trim_replies(c_.store, c_.data_limits);
}

}  // namespace ionian::services
