#include "store/replies.h"

namespace ionian::store {

void keep_reply(Tx& tx, const KeptReply& r) {
  if (r.key.empty()) return;
  tx.db().run("INSERT OR IGNORE INTO replies (key, request_hash, reply, at) VALUES (?, ?, ?, ?)",
              r.key, Blob{r.request_hash}, Blob{r.reply}, r.at);
}

std::optional<std::string> find_reply(View& view, std::string_view key) {
  Rows rows = view.db().query("SELECT reply FROM replies WHERE key = ?", key);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void each_reply(View& view, const ReplyRange& range,
                const std::function<void(RememberedReply)>& seen) {
  Rows rows = view.db().query(
      "SELECT key, request_hash, at, length(reply) <= ?1, CASE WHEN length(reply) <= ?1 THEN reply "
      "END FROM replies WHERE at >= ?2 ORDER BY at",
      range.reply_bytes_max, range.since);
  while (rows.next()) {
    RememberedReply one{.key = rows.text(0), .request_hash = rows.text(1), .at = rows.time(2)};
    if (rows.number(3) != 0) one.reply = rows.text(4);
    seen(std::move(one));
  }
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
