#include "store/replies.h"

namespace ionian::store {

void keep_reply(Tx& tx, const KeptReply& r) {
  if (r.key.empty()) return;
  tx.db().run("INSERT INTO replies (key, at, request_hash, reply) VALUES (?, ?, ?, ?)", r.key, r.at,
              Blob{r.request_hash}, Blob{r.reply});
}

std::optional<std::string> find_reply(View& view, std::string_view key) {
  Rows rows =
      view.db().query("SELECT reply FROM replies WHERE key = ? ORDER BY number DESC LIMIT 1", key);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void each_reply(View& view, const ReplyRange& range,
                const std::function<void(RememberedReply)>& seen) {
  Rows rows = view.db().query(
      "SELECT key, request_hash, at, length(reply) <= ?1, CASE WHEN length(reply) <= ?1 THEN reply "
      "END FROM replies WHERE at >= ?2 ORDER BY number",
      range.reply_bytes_max, range.since);
  while (rows.next()) {
    RememberedReply one{.key = rows.text(0), .request_hash = rows.text(1), .at = rows.time(2)};
    if (rows.number(3) != 0) one.reply = rows.text(4);
    seen(std::move(one));
  }
}

void remove_replies(Tx& tx, Time before) {
  tx.db().run(
      "DELETE FROM replies WHERE number < coalesce((SELECT number FROM replies WHERE at >= ? ORDER "
      "BY number LIMIT 1), 9223372036854775807)",
      before);
}

void remove_reply(Tx& tx, std::string_view key) {
  if (key.empty()) return;
  tx.db().run(
      "DELETE FROM replies WHERE number = "
      "(SELECT number FROM replies WHERE key = ? ORDER BY number DESC LIMIT 1)",
      key);
}

std::optional<ReplyCut> find_reply_cut(View& view, const ReplyBounds& bounds) {
  Rows rows = view.db().query(
      "SELECT number, at, length(key) + length(reply) FROM replies ORDER BY number DESC");
  std::int64_t replies = 0, bytes = 0;
  while (rows.next()) {
    bytes += rows.number(2);
    if (++replies > bounds.replies || bytes > bounds.bytes)
      return ReplyCut{.number = rows.number(0), .at = rows.time(1)};
  }
  return std::nullopt;
}

void remove_replies_up_to(Tx& tx, const ReplyCut& cut) {
  // Numbers begin anew when there are none: what is younger is none of those that were seen.
  tx.db().run("DELETE FROM replies WHERE number <= ? AND at <= ?", cut.number, cut.at);
}

}  // namespace ionian::store
