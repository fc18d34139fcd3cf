// Calls that wait for items of queues, at the moments that no client can choose: one goes, the disk
// is full or the server stops while a transaction takes items for it.
#include <future>

#include "modal_proto/queue.pb.h"
#include "store/queues.h"
#include "store/replies.h"
#include "world.h"

namespace ionian::server {
namespace {

using modal::client::QueueGetRequest;
using modal::client::QueueGetResponse;

class Get final : public rpc::ActiveCall {
 public:
  Get(const rpc::Method& method, QueueGetRequest request)
      : method_(method), request_(std::move(request)) {}

  const rpc::Method& method() const override { return method_; }
  rpc::Call& call() override { return call_; }
  const rpc::Message& request() const override { return request_; }
  bool cancelled() const override { return gone; }
  void on_finish(std::function<void(const Result<rpc::MessagePtr>&)>) override {}
  void finish(Result<rpc::MessagePtr> reply) override {
    std::string text;
    if (!reply) text = code_name(reply.error().code);
    if (reply)
      for (const std::string& value : static_cast<const QueueGetResponse&>(**reply).values())
        text += value + ' ';
    done_.set_value(text);
  }
  void finish_stream(Status) override {}
  void send(std::vector<rpc::MessagePtr>, std::function<void()>) override {}
  void read_next(std::function<void()>) override {}

  // What came, or the code of the error.
  std::string answer() { return done_.get_future().get(); }

  std::atomic<bool> gone = false;

 private:
  const rpc::Method& method_;
  rpc::Call call_;
  QueueGetRequest request_;
  std::promise<std::string> done_;
};

class TakesTest : public testing::Test {
 protected:
  TakesTest() {
    takes.start();
    write([this](store::Tx& tx) {
      const std::vector<std::string_view> values = {"a", "b"};
      store::put_items(tx, key, std::nullopt, values, w.whole.clock.now(), 24h);
    });
  }

  void write(const std::function<void(store::Tx&)>& work) {
    ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
      work(tx);
      return {};
    }));
  }
  // The writer stops here until it may go on; what is written meanwhile is one transaction.
  struct Gate {
    std::promise<void> reached, open;
  };
  void hold(Gate& gate) {
    w.whole.store->write(
        [&gate](store::Tx&) -> Result<void> {
          gate.reached.set_value();
          gate.open.get_future().wait();
          return {};
        },
        {});
  }

  std::shared_ptr<Get> get(int values, double seconds) {
    QueueGetRequest request;
    request.set_queue_id(w.a.queue);
    request.set_n_values(values);
    request.set_timeout(static_cast<float>(seconds));
    const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, "QueueGet"));
    auto call = std::make_shared<Get>(method, std::move(request));
    call->call().caller = w.owner;
    call->call().access = method.access;
    call->call().reply_key = "key";
    takes.run(call);
    std::promise<void> through;
    EXPECT_TRUE(takes.loop().post([&] { through.set_value(); }));
    through.get_future().wait();
    return call;
  }
  // A taker of one item that goes after the item was taken for it; `more` is written with that.
  std::string get_and_go(const std::function<void(store::Tx&)>& more = {}) {
    Gate gate;
    hold(gate);
    gate.reached.get_future().wait();
    const std::shared_ptr<Get> taker = get(1, 50);
    w.whole.store->write(
        [&](store::Tx& tx) -> Result<void> {
          EXPECT_TRUE(store::find_reply(tx, "key")) << "nothing was taken";
          taker->gone = true;
          if (more) more(tx);
          return {};
        },
        {});
    gate.open.set_value();
    return taker->answer();
  }
  bool reply_is_kept() {
    return w.whole.store->read(
        [](store::View& view) { return store::find_reply(view, "key").has_value(); });
  }

  World w;
  services::QueueTakes& takes = w.whole.handlers.takes;
  const store::PartitionKey key{.queue = w.a.queue, .key = ""};
};

TEST_F(TakesTest, WhoGoesWhileItIsServedTakesNothingWithIt) {
  EXPECT_EQ(get_and_go(), "CANCELLED");
  EXPECT_EQ(get(2, 50)->answer(), "a b ");
}

TEST_F(TakesTest, OnlySoManyMayWait) {
  w.whole.context.data_limits.queue_waiters = 1;
  EXPECT_EQ(get(2, 50)->answer(), "a b ");
  const std::shared_ptr<Get> waits = get(1, 50);
  EXPECT_EQ(get(1, 50)->answer(), "RESOURCE_EXHAUSTED");
  takes.stop();
  EXPECT_EQ(waits->answer(), "UNAVAILABLE");
}

TEST_F(TakesTest, WhatWasNotDeliveredIsPutBackAlsoAfterTheDiskWasFull) {
  const auto full = [](store::Tx& tx) {
    tx.db().run(
        "CREATE TRIGGER full BEFORE INSERT ON queue_items BEGIN SELECT RAISE(ABORT, 'disk full'); "
        "END");
  };
  EXPECT_EQ(get_and_go(full), "CANCELLED");
  // Nobody overtakes what is not back yet, nor waits for longer than it wants to.
  EXPECT_EQ(get(1, 0.05)->answer(), "");
  const std::shared_ptr<Get> patient = get(2, 50);
  write([](store::Tx& tx) { tx.db().run("DROP TRIGGER full"); });
  EXPECT_EQ(patient->answer(), "a b ");
}

TEST_F(TakesTest, WhatIsTakenWhileTheServerStopsGoesBack) {
  Gate before, after;
  hold(before);
  before.reached.get_future().wait();
  const std::shared_ptr<Get> taker = get(1, 50);
  hold(after);
  before.open.set_value();
  after.reached.get_future().wait();
  takes.stop();
  after.open.set_value();
  EXPECT_EQ(taker->answer(), "UNAVAILABLE");
  write([this](store::Tx& tx) {
    EXPECT_EQ(store::size_of_queue(tx, key.queue, w.whole.clock.now()).items, 2);
  });
  EXPECT_FALSE(reply_is_kept());
}

}  // namespace
}  // namespace ionian::server
