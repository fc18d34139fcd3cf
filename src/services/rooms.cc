#include "services/rooms.h"

namespace ionian::services {

void WriteRoom::run(rpc::ActiveCallPtr active) {
  // The transaction outlives this function, and with it the answer that waits for its commit.
  auto reply = std::make_shared<rpc::MessagePtr>();
  store_.write(
      [this, active, reply](store::Tx& tx) -> Result<void> {
        active->call().now = clock_.now();
        rpc::Answer answer = call_handler(*active, &tx);
        CHECK(answer.has_value());
        if (!*answer) return std::unexpected(answer->error());
        *reply = *std::move(*answer);
        return {};
      },
      [active, reply](Result<void> committed) {
        if (!committed) return active->finish(std::unexpected(committed.error()));
        for (const auto& f : active->call().committed) f();
        active->finish(std::move(*reply));
      });
}

void ReadRoom::run(rpc::ActiveCallPtr active) {
  store_.read_soon([this, active](store::View& view) {
    active->call().now = clock_.now();
    rpc::Answer answer = call_handler(*active, &view);
    CHECK(answer.has_value());
    active->finish(std::move(*answer));
  });
}

void run_stream(const rpc::ActiveCallPtr& active, void* state) {
  rpc::Batch batch;
  const rpc::StreamAnswer over = call_stream_handler(*active, state, batch);
  CHECK(over.has_value());
  if (batch.messages.empty()) return active->finish_stream(*over);
  active->send(std::move(batch.messages), [active, over] { active->finish_stream(*over); });
}

void InlineRoom::run(rpc::ActiveCallPtr active) {
  active->call().now = clock_.now();
  rpc::Answer answer = call_handler(*active, nullptr);
  CHECK(answer.has_value());
  active->finish(std::move(*answer));
}

}  // namespace ionian::services
