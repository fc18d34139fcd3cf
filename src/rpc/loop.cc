#include "rpc/loop.h"

#include <pthread.h>

#include <algorithm>

namespace ionian::rpc {

Loop::Loop(std::string name, const Clock& clock, void* state, AfterBatch after_batch)
    : name_(std::move(name)), clock_(clock), state_(state), after_batch_(std::move(after_batch)) {}

Loop::~Loop() { stop(); }

void Loop::start() {
  thread_ = std::thread([this] { main(); });
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void Loop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Loop::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= kQueueMax) return false;
    queue_.push_back(std::move(work));
    // The thread has been told already, or will be by who leaves.
    if (queue_.size() > 1 || entered_) return true;
  }
  changed_.notify_one();
  return true;
}

bool Loop::do_or_post(std::function<void()> work) {
  if (!enter_if_idle()) return post(std::move(work));
  work();
  end_batch();
  leave();
  return true;
}

void Loop::run(ActiveCallPtr call) {
  if (do_or_post([this, call] { attempt_any(call); })) return;
  std::unique_lock lock(mutex_);
  const bool stopping = stopping_;
  lock.unlock();
  call->finish(stopping ? fail(Code::kUnavailable, "the server is stopping")
                        : fail(Code::kResourceExhausted, "the server's ", name_, " queue is full"));
}

// Nobody is in the loop, and nothing that came earlier waits. Only a state that decides is entered
// by others: it is all in memory, while logs are files, whose reading would hold up gRPC's threads.
bool Loop::enter_if_idle() {
  if (!after_batch_) return false;
  std::lock_guard lock(mutex_);
  if (stopping_ || entered_ || !queue_.empty()) return false;
  return entered_ = true;
}

void Loop::leave() {
  {
    std::lock_guard lock(mutex_);
    entered_ = false;
    const std::optional<Time> wake = next_wake();
    const bool sooner = wake && (!asleep_until_ || *wake < *asleep_until_);
    if (!stopping_ && queue_.empty() && !sooner) return;
  }
  changed_.notify_one();
}

void Loop::cancel(const ActiveCallPtr& call) {
  post([this, call] {
    if (!unpark(call)) return;
    if (call->method().stream)
      call->finish_stream({Code::kCancelled, "the client has gone"});
    else
      call->finish(fail(Code::kCancelled, "the client has gone"));
  });
}

void Loop::main() {
  // A state that acts by the clock says when, before anything has happened.
  if (after_batch_) batch_wake_ = after_batch_(clock_.now());
  std::deque<std::function<void()>> batch;
  std::unique_lock lock(mutex_);
  entered_ = false;
  while (wait_for_work(lock)) {
    entered_ = true;
    batch.swap(queue_);
    lock.unlock();
    for (auto& work : batch) work();
    batch.clear();
    wake_expired(clock_.now());
    end_batch();
    lock.lock();
    entered_ = false;
  }
  entered_ = true;
  lock.unlock();
  end_waiting_calls();
}

// Until there is work, or a time has come, and nobody else is in the loop. False: the end.
bool Loop::wait_for_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    asleep_until_.reset();
    if (entered_) {
      changed_.wait(lock);
      continue;
    }
    if (!queue_.empty()) return true;
    if (stopping_) return false;
    asleep_until_ = next_wake();
    if (!asleep_until_) {
      changed_.wait(lock);
      continue;
    }
    const Duration left = *asleep_until_ - clock_.now();
    if (left <= 0ns) return true;
    changed_.wait_for(lock, left);
  }
}

// The state's decisions may wake calls, and woken calls may make it decide again.
void Loop::end_batch() {
  do {
    if (after_batch_) batch_wake_ = after_batch_(clock_.now());
    std::deque<ActiveCallPtr> woken;
    woken.swap(woken_);
    for (const ActiveCallPtr& call : woken)
      if (!reading_.contains(call) && unpark(call)) attempt_any(call);
  } while (!woken_.empty());
  if (after_batch_) batch_wake_ = after_batch_(clock_.now());
  for (Reply& reply : std::exchange(replies_, {})) send_reply(std::move(reply));
}

void Loop::end_waiting_calls() {
  std::vector<ActiveCallPtr> left(reading_.begin(), reading_.end());
  for (const auto& [call, entry] : waiting_) left.push_back(call);
  for (const ActiveCallPtr& call : left) {
    unpark(call);
    if (call->method().stream)
      call->finish_stream({Code::kUnavailable, "the server is stopping"});
    else
      call->finish(fail(Code::kUnavailable, "the server is stopping"));
  }
}

void Loop::attempt_any(const ActiveCallPtr& call) {
  call->method().stream ? attempt_stream(call) : attempt(call);
}

void Loop::attempt(const ActiveCallPtr& active) {
  Call& call = active->call();
  if (active->cancelled()) return active->finish(fail(Code::kCancelled, "the client has gone"));
  call.now = clock_.now();
  call.timed_out = call.until && call.now >= *call.until;
  call.watches.clear();
  call.passed = false;
  Answer answer = call_handler(*active, state_);
  if (!answer && call.passed) return read_next(active);
  if (!answer) {
    CHECK(!call.timed_out);
    return park(active);
  }
  Reply reply{active, std::move(*answer)};
  if (after_batch_)
    replies_.push_back(std::move(reply));
  else
    send_reply(std::move(reply));
}

void Loop::send_reply(Reply reply) {
  const ActiveCallPtr& active = reply.call;
  const auto before_reply = std::exchange(active->call().before_reply, {});
  if (!before_reply || !reply.message) return active->finish(std::move(reply.message));
  // Shared, as the function that is told may be copied.
  const auto message = std::make_shared<MessagePtr>(*std::move(reply.message));
  before_reply([active, message](Result<void> kept) {
    if (!kept) return active->finish(std::unexpected(kept.error()));
    active->finish(std::move(*message));
  });
}

// It waits for its client, and for nothing else: news of its keys do not wake it.
void Loop::read_next(const ActiveCallPtr& active) {
  reading_.insert(active);
  waiting_count_ = waiting_.size() + reading_.size();
  const auto resume = [this, active] {
    if (unpark(active)) attempt(active);
  };
  active->read_next([this, active, resume] {
    if (!post(resume))
      active->finish(fail(Code::kUnavailable, "the server is stopping or overloaded"));
  });
}

void Loop::attempt_stream(const ActiveCallPtr& active) {
  Call& call = active->call();
  if (active->cancelled()) return active->finish_stream({Code::kCancelled, "the client has gone"});
  call.now = clock_.now();
  call.timed_out = call.until && call.now >= *call.until;
  call.watches.clear();
  Batch batch;
  const StreamAnswer over = call_stream_handler(*active, state_, batch);
  if (!batch.messages.empty()) {
    active->send(std::move(batch.messages), [this, active, over] {
      if (over)
        active->finish_stream(*over);
      else if (!post([this, active] { attempt_stream(active); }))
        active->finish_stream({Code::kUnavailable, "the server is stopping or overloaded"});
    });
  } else if (over) {
    active->finish_stream(*over);
  } else {
    CHECK(!call.timed_out);
    park(active);
  }
}

void Loop::park(const ActiveCallPtr& active) {
  Call& call = active->call();
  CHECK(!call.watches.empty() || call.until);
  for (const WatchKey& key : call.watches) by_key_[key].push_back(active);
  if (call.until) by_time_.emplace(*call.until, active);
  waiting_.emplace(active, Waiting{call.watches, call.until});
  waiting_count_ = waiting_.size() + reading_.size();
  // A cancellation that came while the handler ran found nothing parked; this is its second chance.
  if (active->cancelled()) cancel(active);
}

// False: it does not wait here.
bool Loop::unpark(const ActiveCallPtr& call) {
  const bool read = reading_.erase(call) > 0;
  waiting_count_ = waiting_.size() + reading_.size();
  const auto it = waiting_.find(call);
  if (it == waiting_.end()) return read;
  for (const WatchKey& key : it->second.keys) {
    const auto list = by_key_.find(key);
    if (list == by_key_.end()) continue;
    std::erase(list->second, call);
    if (list->second.empty()) by_key_.erase(list);
  }
  if (it->second.until) by_time_.erase({*it->second.until, call});
  waiting_.erase(it);
  waiting_count_ = waiting_.size() + reading_.size();
  return true;
}

void Loop::notify(const WatchKey& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  woken_.insert(woken_.end(), it->second.begin(), it->second.end());
}

void Loop::wake_expired(Time now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const ActiveCallPtr call = by_time_.begin()->second;
    unpark(call);
    attempt_any(call);
  }
}

std::optional<Time> Loop::next_wake() const {
  std::optional<Time> wake = batch_wake_;
  if (!by_time_.empty() && (!wake || by_time_.begin()->first < *wake))
    wake = by_time_.begin()->first;
  return wake;
}

}  // namespace ionian::rpc
