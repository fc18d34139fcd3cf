#include "store/replies.h"

namespace ionian::store {

void keep_reply(Tx& tx, const KeptReply& r) {
  if (r.key.empty()) return;
  tx.db().run("INSERT OR IGNORE INTO replies (key, request_hash, reply, at) VALUES (?, ?, ?, ?)",
              r.key, Blob{r.request_hash}, Blob{r.reply}, r.at);
}

std::vector<KeptReply> list_replies(View& view, Time since) {
  std::vector<KeptReply> all;
  Rows rows = view.db().query(
      "SELECT key, request_hash, reply, at FROM replies WHERE at >= ? ORDER BY at", since);
  while (rows.next())
    all.push_back({.key = rows.text(0),
                   .request_hash = rows.text(1),
                   .reply = rows.text(2),
                   .at = rows.time(3)});
  return all;
}

void remove_replies(Tx& tx, Time before) {
  tx.db().run("DELETE FROM replies WHERE at < ?", before);
}

void remove_reply(Tx& tx, std::string_view key) {
  tx.db().run("DELETE FROM replies WHERE key = ?", key);
}

void keep_newest_replies(Tx& tx, std::int64_t max) {
  tx.db().run("DELETE FROM replies WHERE rowid <= (SELECT max(rowid) FROM replies) - ?", max);
}

}  // namespace ionian::store
