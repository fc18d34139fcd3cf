#include "services/kept_replies.h"

#include "base/log.h"
#include "store/calls.h"

namespace ionian::services {
namespace {

constexpr Duration kResultsKept = 7 * 24h;
constexpr Duration kCallsKept = 30 * 24h;
constexpr std::size_t kCallsAtOnce = 2'000;
constexpr std::size_t kStatisticsAtOnce = 10'000;

}  // namespace

rpc::IdempotentReplies::Recall recall_of(store::Store& store) {
  return [&store](const std::string& key) {
    return store.read([&](store::View& view) { return store::find_reply(view, key); });
  };
}

void remember_replies(store::Store& store, rpc::Pipeline& pipeline, Time now) {
  const store::ReplyRange range{.since = now - rpc::IdempotentReplies::kKeep,
                                .reply_bytes_max = rpc::IdempotentReplies::kReplyBytesMax};
  store.read([&](store::View& view) {
    store::each_reply(view, range, [&](store::RememberedReply r) {
      pipeline.remember(r.key, r.request_hash, std::move(r.reply), r.at);
    });
  });
}

void trim_replies(store::Store& store, const DataLimits& limits) {
  const store::ReplyBounds kept{.replies = limits.kept_replies, .bytes = limits.kept_reply_bytes};
  store.read_later([&store, kept](store::View& view) {
    const auto cut = store::find_reply_cut(view, kept);
    if (!cut) return;
    store.write(
        [cut = *cut](store::Tx& tx) -> Result<void> {
          store::remove_replies_up_to(tx, cut);
          return {};
        },
        {});
  });
}

void remove_what_is_old(store::Store& store, const store::HistoryLimits& history, Time now) {
  const auto remove = [history, now](store::Tx& tx) -> Result<void> {
    store::remove_replies(tx, now - rpc::IdempotentReplies::kKeep);
    // What is left is for the next time.
    (void)store::remove_old_calls(tx, now - kResultsKept, now - kCallsKept, kCallsAtOnce);
    store::trim_history(tx, history, now, kStatisticsAtOnce);
    return {};
  };
  store.write(remove, [](Result<void> done) {
    if (!done) log::warning("old results could not be removed: ", done.error().message);
  });
}

}  // namespace ionian::services
