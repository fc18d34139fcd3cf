#pragma once
// Token pairs as their owners and the workspace's managers see them.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/auth.pb.h"
#include "modal_proto/token.pb.h"
#include "services/admin.pb.h"
#include "services/context.h"

namespace ionian::services {

class Tokens {
 public:
  explicit Tokens(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // TokenInfoGet. The caller's own pair.
  Result<modal::client::TokenInfoGetResponse> info(
      rpc::Call& call, const modal::client::TokenInfoGetRequest& request, store::View& view);
  // TokensList. Managers see all, others their own.
  Result<modal::client::TokensListResponse> list(rpc::Call& call, const Empty& request,
                                                 store::View& view);
  // TokenDisable, TokenEnable. A disabled token fails like a revoked one, and can be enabled again.
  //   errors   NOT_FOUND, also for tokens of others; then none of the list has changed
  Result<Empty> disable(rpc::Call& call, const modal::client::TokenDisableRequest& request,
                        store::Tx& tx);
  Result<Empty> enable(rpc::Call& call, const modal::client::TokenEnableRequest& request,
                       store::Tx& tx);
  // TokenDelete. Takes effect on the token's next call.   errors  NOT_FOUND
  Result<Empty> remove(rpc::Call& call, const modal::client::TokenDeleteRequest& request,
                       store::Tx& tx);

  // /ionian.Tokens/Expire. The token ends after a while and not at once: the overlap of a rotation
  // by command.
  //   errors   NOT_FOUND · INVALID_ARGUMENT more than 7 days
  Result<TokenExpireResponse> expire(rpc::Call& call, const TokenExpireRequest& request,
                                     store::Tx& tx);

  // AuthTokenGet. The first call of every JavaScript and Go client.
  //   out      three base64url parts with a numeric `exp`; the payload's text has neither - nor _,
  //   which JavaScript
  //            would refuse
  Result<modal::client::AuthTokenGetResponse> auth_token(
      rpc::Call& call, const modal::client::AuthTokenGetRequest& request);

  Result<Empty> set_disabled(rpc::Call& call,
                             const google::protobuf::RepeatedPtrField<std::string>& ids,
                             bool disabled, store::Tx& tx);

  Context& c_;
};

}  // namespace ionian::services
