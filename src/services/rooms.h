#pragma once
// The rooms of handlers that touch records: writers share the store's transaction, readers its read
// connections.
#include "base/pool.h"
#include "rpc/method.h"
#include "services/context.h"
#include "store/store.h"

namespace ionian::services {

// Handlers with a `store::Tx&`. Their replies go out only after the commit.
class WriteRoom final : public rpc::Room {
 public:
  WriteRoom(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  void run(rpc::ActiveCallPtr call) override;

 private:
  store::Store& store_;
  const Clock& clock_;
};

// Handlers with a `store::View&`.
class ReadRoom final : public rpc::Room {
 public:
  ReadRoom(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  void run(rpc::ActiveCallPtr call) override;
  bool only_reads() const override { return true; }

 private:
  store::Store& store_;
  const Clock& clock_;
};

// A stream whose handler emits all that it has at once.
void run_stream(const rpc::ActiveCallPtr& active, void* state);

// Handlers with a `State&` that has nothing in it: they wait for other programs or for the disk, on
// threads apart from all else, so that a slow download holds up nobody's ordinary call.
template <class State>
class PooledRoom final : public rpc::Room {
 public:
  PooledRoom(Pool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}
  void run(rpc::ActiveCallPtr active) override {
    const bool queued = pool_.post([this, active] {
      State state;
      active->call().now = clock_.now();
      if (active->method().stream) return run_stream(active, &state);
      rpc::Answer answer = call_handler(*active, &state);
      CHECK(answer.has_value());
      active->finish(std::move(*answer));
    });
    if (queued) return;
    const Status full{Code::kResourceExhausted,
                      "too many calls of this kind are waiting for the disk and for other "
                      "programs; try again later"};
    if (active->method().stream) return active->finish_stream(full);
    active->finish(std::unexpected(full));
  }

 private:
  Pool& pool_;
  const Clock& clock_;
};
using SlowRoom = PooledRoom<Slow>;

// Handlers that need no room: pure answers, on gRPC's own thread.
class InlineRoom final : public rpc::Room {
 public:
  explicit InlineRoom(const Clock& clock) : clock_(clock) {}
  void run(rpc::ActiveCallPtr call) override;

 private:
  const Clock& clock_;
};

}  // namespace ionian::services
