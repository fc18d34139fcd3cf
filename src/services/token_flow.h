#pragma once
// `modal setup`: a command asks for a token, a person approves it in a browser, the command
// collects it.
#include <map>
#include <mutex>

#include "modal_proto/token.pb.h"
#include "services/context.h"

namespace ionian::services {

struct Flow {
  enum State { kOpen, kApproved, kRefused, kEnded };
  std::string id, code, wait_secret_hash;
  std::string host, platform, client_version,
      address;  // of the command, the first two as it calls itself
  int localhost_port = 0;
  std::uint32_t expires_in_seconds = 0;
  Time created;
  State state = kOpen;
  int wrong_codes = 0;
  TokenPair pair;  // from approval until it was collected and kGrace is over; in memory only
  std::string workspace;
  std::optional<Time> collected;
};

// Open requests. Thread-safe: pages and calls both use it.
class TokenFlows {
 public:
  static constexpr Duration kLife = 10min;
  static constexpr Duration kGrace = 60s;  // a lost reply may be asked for again
  static constexpr int kCodesMax = 5;
  static constexpr std::size_t kPerAddressMax = 5;
  static constexpr std::size_t kMax = 1000;

  TokenFlows(const KeyFile& key, Random& random) : key_(key), random_(random) {}

  // RESOURCE_EXHAUSTED: too many are open, of this address or of all.
  Result<std::string> open(Time now, Flow flow);  // returns the wait secret; fills id and code
  std::optional<Flow> find(Time now, const std::string& id);
  // NOT_FOUND for an unknown flow or a wrong secret; nullopt while it is open.
  Result<std::optional<Flow>> collect(Time now, const std::string& id,
                                      const std::string& wait_secret);

  // A code typed on the page. Counts wrong ones; the last ends the flow.
  bool try_code(Time now, const std::string& id, std::string_view typed);
  bool approve(Time now, const std::string& id, TokenPair pair, std::string workspace);
  bool refuse(Time now, const std::string& id);

  static std::string key(const std::string& id) { return "flow:" + id; }

 private:
  void forget_old(Time now);
  const KeyFile& key_;
  Random& random_;
  mutable std::mutex mutex_;
  std::map<std::string, Flow> flows_;  // guarded by mutex_
};

class TokenFlowCalls {
 public:
  TokenFlowCalls(Context& context, TokenFlows& flows) : c_(context), flows_(flows) {}
  void bind(rpc::Table& table);

 private:
  // TokenFlowCreate (anonymous).
  //   out      web_url under the configured public address, never under a Host header's
  //   errors   RESOURCE_EXHAUSTED
  Result<modal::client::TokenFlowCreateResponse> create(
      rpc::Call& call, const modal::client::TokenFlowCreateRequest& request);

  // TokenFlowWait (anonymous, poll). The pair, once; the same secret may ask again for 60 s.
  //   out      timeout = true when nothing happened within `timeout` seconds
  //   errors   NOT_FOUND · PERMISSION_DENIED refused
  std::optional<Result<modal::client::TokenFlowWaitResponse>> wait(
      rpc::Call& call, const modal::client::TokenFlowWaitRequest& request, TokenFlows& flows);

  Context& c_;
  TokenFlows& flows_;
};

}  // namespace ionian::services
