#pragma once
// Proxy tokens: what callers of web endpoints show as Modal-Key and Modal-Secret.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/common.pb.h"
#include "modal_proto/token.pb.h"
#include "services/context.h"

namespace ionian::services {

class ProxyTokens {
 public:
  explicit ProxyTokens(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // WebhookTokenCreate. A scoped one holds only in the environments that it is added to.
  Result<modal::client::TokenCreateResponse> create(
      rpc::Call& call, const modal::client::WebhookTokenCreateRequest& request, store::Tx& tx);
  Result<modal::client::WebhookTokenListResponse> list(rpc::Call& call, const Empty& request,
                                                       store::View& view);
  Result<modal::client::WebhookTokenListResponse> list_for(
      rpc::Call& call, const modal::client::WebhookTokenListForEnvironmentRequest& request,
      store::View& view);
  // WebhookTokenUpdate, WebhookTokenDelete.   errors  NOT_FOUND
  Result<modal::client::WebhookToken> update(
      rpc::Call& call, const modal::client::WebhookTokenUpdateRequest& request, store::Tx& tx);
  Result<Empty> remove(rpc::Call& call, const modal::client::TokenDeleteRequest& request,
                       store::Tx& tx);
  // WebhookTokenEnvironmentAdd, …Remove, …List.   errors  NOT_FOUND token, environment
  Result<Empty> add(rpc::Call& call,
                    const modal::client::WebhookTokenEnvironmentAddRequest& request, store::Tx& tx);
  Result<Empty> take(rpc::Call& call,
                     const modal::client::WebhookTokenEnvironmentRemoveRequest& request,
                     store::Tx& tx);
  Result<modal::client::WebhookTokenEnvironmentListResponse> environments(
      rpc::Call& call, const modal::client::WebhookTokenEnvironmentListRequest& request,
      store::View& view);

  Context& c_;
};

}  // namespace ionian::services
