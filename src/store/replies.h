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

// In the transaction that does what the reply tells of. A key that is there keeps its first reply.
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
void remove_replies(Tx& tx, Time before);
// What it told of was undone.
void remove_reply(Tx& tx, std::string_view key);
// No more than so many in all.
void keep_newest_replies(Tx& tx, std::int64_t max);

}  // namespace ionian::store
