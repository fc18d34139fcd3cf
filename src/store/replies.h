#pragma once
// Replies that a client may ask for again by its idempotency key, also of the server's next life.
#include <functional>
#include <optional>
#include <string>

#include "store/store.h"

namespace ionian::store {

struct KeptReply {
  std::string key, request_hash, reply;
  Time at;
};

// In the transaction that does what the reply tells of. Goes to the end of a log without an index:
// a key is looked for from there, and who writes sees to it that it comes once.
void keep_reply(Tx& tx, const KeptReply& reply);
std::optional<std::string> find_reply(View& view, std::string_view key);

struct RememberedReply {
  std::string key, request_hash;
  std::optional<std::string> reply;  // none: it is larger than was asked for
  Time at;
};
struct ReplyRange {
  Time since;
  std::size_t reply_bytes_max = 0;
};
// One at a time, the oldest first.
void each_reply(View& view, const ReplyRange& range,
                const std::function<void(RememberedReply)>& seen);
// Of the oldest, those that are older than that.
void remove_replies(Tx& tx, Time before);
// What it told of was undone.
void remove_reply(Tx& tx, std::string_view key);
// The last reply that goes if only the newest are to stay, so many of so many bytes together.
struct ReplyBounds {
  std::int64_t replies = 0, bytes = 0;
};
struct ReplyCut {
  std::int64_t number = 0;
  Time at;
};
std::optional<ReplyCut> find_reply_cut(View& view, const ReplyBounds& bounds);
// Those up to it.
void remove_replies_up_to(Tx& tx, const ReplyCut& cut);

}  // namespace ionian::store
