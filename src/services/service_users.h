#pragma once
// Service users: identities of programs, with a token each and roles of their own.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/common.pb.h"
#include "services/context.h"

namespace ionian::services {

class ServiceUsers {
 public:
  explicit ServiceUsers(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // ServiceUserCreate. The pair is in the reply and nowhere else.   errors  INVALID_ARGUMENT name ·
  // ALREADY_EXISTS
  Result<modal::client::ServiceUserCreateResponse> create(
      rpc::Call& call, const modal::client::ServiceUserCreateRequest& request, store::Tx& tx);
  Result<modal::client::ServiceUserListResponse> list(rpc::Call& call, const Empty& request,
                                                      store::View& view);
  Result<modal::client::ServiceUserInfoResponse> info(
      rpc::Call& call, const modal::client::ServiceUserInfoRequest& request, store::View& view);
  // ServiceUserDelete. Its tokens end with it.   errors  NOT_FOUND
  Result<Empty> remove(rpc::Call& call, const modal::client::ServiceUserDeleteRequest& request,
                       store::Tx& tx);

  Context& c_;
};

}  // namespace ionian::services
