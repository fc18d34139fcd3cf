#pragma once
// One program of Execs; its mutex guards all of it.
#include "worker/execs.h"

namespace ionian::worker {

struct Execs::Exec {
  struct Stream {
    UniqueFd fd;
    bool watched = false;
    bool over = true;
    bool begun = false;  // somebody has come to read it
    StreamWindow window{kWindowBytes};
  };

  std::uint64_t number = 0;
  ExecKey key;
  Place place;
  bool terminal = false;
  std::optional<Result<void>> started;
  std::optional<ExecEnd> end;
  Time ended_at;
  Stream out, err;

  UniqueFd in;
  bool in_watched = false;
  std::string in_queue;         // accepted, and not yet written
  std::uint64_t in_bytes = 0;   // accepted
  bool in_last = false;         // nothing comes after them
  std::uint64_t in_stream = 0;  // the last stream's number, or that of who took over
  std::uint64_t message = 0;    // the last one's number, and where it began
  std::uint64_t message_at = 0;

  Duration timeout{};
  std::optional<Time> kill_at;
  int looks = 0;
  Time left_at;

  // Clients leave as soon as they are told the end, and what they have not read by then is lost to
  // them: for as long as somebody reads on, the end waits.
  Time hold_until;
  bool being_read() const {
    const bool all = out.window.room() == kWindowBytes && err.window.room() == kWindowBytes;
    return looks > 0 && !all;
  }

  // They ask for the end before they begin to read, at once: for that moment it waits too.
  Time readers_until;
  bool unheard() const {
    return (!out.begun && out.window.end() > 0) || (!err.begun && err.window.end() > 0);
  }

  // By which the spawner knows it.
  std::string id() const { return cat("exec-", number); }
  Stream& stream(int which) { return which == 2 ? err : out; }
  bool over() const { return out.over && err.over; }
};

}  // namespace ionian::worker
