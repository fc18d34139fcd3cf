#pragma once
// The owner's own calls: tokens, status.
#include "services/admin.pb.h"
#include "services/context.h"

namespace ionian::services {

struct ServerFacts {
  std::string version, grpc_url, http_url, network_warning;
  Time started;
  const rpc::Counters* counters = nullptr;
};

class Admin {
 public:
  Admin(Context& context, const ServerFacts& facts) : c_(context), facts_(facts) {}
  void bind(rpc::Table& table);

 private:
  // TokenCreate. The secret is in the reply and nowhere else.   errors  NOT_FOUND workspace · INVALID_ARGUMENT name
  Result<TokenCreateResponse> create_token(rpc::Call& call, const TokenCreateRequest& request, store::Tx& tx);
  // OwnerLink. A fresh one-time link; the former ones end.   errors  FAILED_PRECONDITION there is an owner account
  Result<OwnerLinkResponse> owner_link(rpc::Call& call, const OwnerLinkRequest& request, store::View& view);
  Result<TokenListResponse> list_tokens(rpc::Call& call, const TokenListRequest& request, store::View& view);
  // TokenRevoke. Takes effect on the token's next call.   errors  NOT_FOUND
  Result<TokenRevokeResponse> revoke_token(rpc::Call& call, const TokenRevokeRequest& request, store::Tx& tx);
  Result<StatusResponse> status(rpc::Call& call, const StatusRequest& request, core::Core& core);

  Context& c_;
  const ServerFacts& facts_;
};

// The workspace that exists from the first start on, with its environment.
inline constexpr std::string_view kFirstWorkspace = "local";
inline constexpr std::string_view kFirstEnvironment = "main";
inline constexpr std::string_view kFirstUser = "owner";
Result<void> make_first_workspace(store::Tx& tx, Random& random, Time now);
// For automation: what the first-owner page does. Nothing happens if there is an account already.
//   errors   INVALID_ARGUMENT no email address, or a password under 12 characters
Result<void> make_owner_account(store::Tx& tx, const std::string& email, const std::string& password, Time now);

}  // namespace ionian::services
