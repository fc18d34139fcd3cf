// What programs of Execs are told.
#include "worker/exec_state.h"

namespace ionian::worker {
namespace {

constexpr char kEndOfInput = 4;  // Ctrl-D, which a terminal takes for it

}  // namespace

Result<bool> Execs::write(Exec& exec, std::uint64_t offset, std::string_view data, bool last) {
  std::lock_guard lock(mutex_);
  ++exec.in_stream;
  return take(exec, offset, data, last);
}

Result<Execs::InputStream> Execs::begin_input(Exec& exec, std::uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (offset != exec.in_bytes)
    return fail(Code::kFailedPrecondition, "the stream begins at byte ", offset,
                " of the input, and ", exec.in_bytes, " have come");
  TRY(take(exec, offset, {}, false));
  // The one before it, if it waits for room, is to see that it has lost it.
  changed_(key_of(exec));
  return InputStream{.number = ++exec.in_stream, .offset = offset};
}

Result<bool> Execs::write_on(Exec& exec, InputStream& stream, std::string_view data, bool last) {
  std::lock_guard lock(mutex_);
  if (stream.number != exec.in_stream)
    return fail(Code::kFailedPrecondition, "another call has taken over the command's input");
  ASSIGN_OR_RETURN(const bool all, take(exec, stream.offset, data, last));
  if (all) stream.offset += data.size();
  return all;
}

Result<bool> Execs::write_message(Exec& exec, std::uint64_t index, std::string_view data,
                                  bool last) {
  std::lock_guard lock(mutex_);
  ++exec.in_stream;
  if (index < exec.message) return true;
  if (index > exec.message + 1)
    return fail(Code::kFailedPrecondition, "this is message ", index, " of the input, and ",
                exec.message, " have come");
  if (index > exec.message) exec.message = index, exec.message_at = exec.in_bytes;
  return take(exec, exec.message_at, data, last);
}

Result<bool> Execs::take(Exec& exec, std::uint64_t offset, std::string_view data, bool last) {
  if (exec.end) return fail(Code::kFailedPrecondition, "the command has ended");
  if (exec.in_last) {
    // Its repetition, or the close that some clients send twice.
    if (offset + data.size() <= exec.in_bytes) return true;
    return fail(Code::kFailedPrecondition, "the command's input is closed");
  }
  if (exec.started && !exec.in)
    return fail(Code::kFailedPrecondition, "the command reads nothing any more");
  if (offset > exec.in_bytes && !data.empty())
    return fail(Code::kFailedPrecondition, "this begins at byte ", offset, " of the input, and ",
                exec.in_bytes, " have come");
  const std::uint64_t known = data.empty() ? 0 : exec.in_bytes - offset;
  if (known < data.size()) {
    const std::size_t room = kStdinBytes - std::min(kStdinBytes, exec.in_queue.size());
    const std::string_view fresh = data.substr(known, room);
    exec.in_queue += fresh;
    exec.in_bytes += fresh.size();
    if (known + fresh.size() < data.size()) {
      write_some(exec);
      return false;
    }
  }
  if (last) {
    exec.in_last = true;
    if (exec.terminal) exec.in_queue += kEndOfInput;
  }
  write_some(exec);
  return true;
}

Execs::Input Execs::input(const Exec& exec) const {
  std::lock_guard lock(mutex_);
  return {exec.in_bytes, exec.in_last || exec.end};
}

Execs::Input Execs::take_over_input(Exec& exec) {
  {
    std::lock_guard lock(mutex_);
    ++exec.in_stream;
    changed_(key_of(exec));
  }
  return input(exec);
}

}  // namespace ionian::worker
