#pragma once
// Replies that a client may ask for again by its idempotency key, also of the server's next life.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct KeptReply {
  std::string key, request_hash, reply;
  Time at;
};

// In the transaction that does what the reply tells of. A key that is there keeps its first reply.
void keep_reply(Tx& tx, const KeptReply& reply);
// The oldest first.
std::vector<KeptReply> list_replies(View& view, Time since);
void remove_replies(Tx& tx, Time before);
// What it told of was undone.
void remove_reply(Tx& tx, std::string_view key);
// No more than so many in all.
void keep_newest_replies(Tx& tx, std::int64_t max);

}  // namespace ionian::store
