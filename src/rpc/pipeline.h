#pragma once
// What every call goes through before its handler and after it, once for all methods:
// find → authenticate → authorize → parse → idempotency key → handler → status → log, counters.
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "rpc/fd_numbers.h"
#include "rpc/idempotency.h"
#include "rpc/method.h"
#include "rpc/open_calls.h"
#include "rpc/table.h"

namespace ionian::rpc {

// Says who is calling. Runs on gRPC's threads for every call, so it must be quick and thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // UNAUTHENTICATED when the headers name a token that is not valid; a caller without any is
  // kAnonymous.
  virtual Result<Caller> authenticate(const RequestHeaders& headers, const std::string& peer) = 0;
};

struct Counters {
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> in_flight = 0;
  std::atomic<std::uint64_t> bytes_in_flight = 0;
};

class Pipeline {
 public:
  static constexpr std::uint64_t kBytesInFlightMax = 1ull << 30;
  // Room for a value of a dict of 100 MiB, its key and what is around them.
  static constexpr int kMessageBytesMax = 104 << 20;

  // `replies`: those of calls that are asked for again. `bytes_in_flight_max`: the sum of all
  // requests that are worked on, and of replies on their way; above it, RESOURCE_EXHAUSTED with a
  // wish to be asked again soon.
  Pipeline(const Table& table, Authenticator& authenticator, FdNumbers& numbers, const Clock& clock,
           IdempotentReplies::Options replies = IdempotentReplies::without_recall(),
           std::uint64_t bytes_in_flight_max = kBytesInFlightMax)
      : table_(table),
        authenticator_(authenticator),
        numbers_(numbers),
        clock_(clock),
        bytes_in_flight_max_(bytes_in_flight_max),
        replies_(clock, std::move(replies)) {
    for (const auto& [path, method] : table.methods()) counts_[path];
  }

  const Table& table() const { return table_; }
  const Clock& clock() const { return clock_; }
  std::uint64_t bytes_in_flight_max() const { return bytes_in_flight_max_; }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }
  // Of each method and status that has been answered, how often.
  void each_count(
      const std::function<void(std::string_view method, Code code, std::uint64_t)>& seen) const;

  // Who calls, and may they? Fills call.caller.
  Result<void> admit(const Method& method, Call& call);

  // Polls and streams whose token was revoked, disabled, has expired or may less than before end
  // with the status that their next call would get. Once a second, from one thread.
  void end_what_may_no_longer_be() { open_calls_.recheck_all(); }
  OpenCalls& open_calls() { return open_calls_; }

  // Whether a repetition of the call must get the reply of the first one.
  static bool needs_one_reply(const Method& method, const Call& call);
  // Hands the call to its room, or answers it with the reply that its idempotency key already has.
  void dispatch(ActiveCallPtr call, const std::string& request_bytes_hash);

  // A reply that a former life of the server has kept on disk. Before there are calls.
  void remember(const std::string& reply_key, const std::string& request_hash,
                std::optional<std::string> reply, Time since) {
    replies_.remember(reply_key, request_hash, std::move(reply), since);
  }

  void finished(const Call& call, const Status& status, Time began);

  // Brackets a call, so that its connection's number is not given to another container meanwhile.
  void call_began(const std::string& peer) { numbers_.call_began(peer); }
  void call_ended(const std::string& peer) { numbers_.call_ended(peer); }

 private:
  const Table& table_;
  Authenticator& authenticator_;
  FdNumbers& numbers_;
  const Clock& clock_;
  const std::uint64_t bytes_in_flight_max_;
  // gRPC's codes, 0..16.
  using ByCode = std::array<std::atomic<std::uint64_t>, 17>;

  Counters counters_;
  std::unordered_map<std::string_view, ByCode> counts_;  // all methods of the table, from the start
  IdempotentReplies replies_;
  OpenCalls open_calls_;
};

}  // namespace ionian::rpc
