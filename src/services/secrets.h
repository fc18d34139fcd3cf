#pragma once
// Secrets: variables for containers, sealed at rest, never given back.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/secret.pb.h"
#include "services/context.h"
#include "store/secrets.h"

namespace ionian::services {

// The variables of a secret, for a container of the same workspace.
//   errors  NOT_FOUND · DATA_LOSS
Result<std::vector<std::pair<std::string, std::string>>> open_secret(const Context& c,
                                                                     store::View& view,
                                                                     const WorkspaceId& workspace,
                                                                     const std::string& id);

// A secret must lie where the caller may use it: the container that gets it shows its values to
// whoever wrote its code.
Result<void> check_secret(const Context& c, store::View& view, const rpc::Call& call,
                          const std::string& id);

class Secrets {
 public:
  explicit Secrets(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;
  using Variables = std::map<std::string, std::string>;

  // SecretGetOrCreate. Looks one up by name, makes one, or makes one without a name for an app or a
  // client. Making one that must not be there, or that replaces what is there, is `modal secret
  // create`.
  //   errors   NOT_FOUND · FAILED_PRECONDITION a required key is missing · ALREADY_EXISTS ·
  //            INVALID_ARGUMENT a name that no secret or variable may have
  Result<modal::client::SecretGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::SecretGetOrCreateRequest& request, store::Tx& tx);
  // SecretUpdate. Sets those that have a value, removes those that have none; others stay.
  Result<Empty> update(rpc::Call& call, const modal::client::SecretUpdateRequest& request,
                       store::Tx& tx);
  Result<Empty> remove(rpc::Call& call, const modal::client::SecretDeleteRequest& request,
                       store::Tx& tx);
  // SecretList. A secret that is damaged has no variables there.
  Result<modal::client::SecretListResponse> list(rpc::Call& call,
                                                 const modal::client::SecretListRequest& request,
                                                 store::View& view);
  // SecretGetInfo. The names of its variables, not their values.
  Result<modal::client::SecretGetInfoResponse> get_info(
      rpc::Call& call, const modal::client::SecretGetInfoRequest& request, store::View& view);

  Result<store::Secret> secret_of(store::View& view, const rpc::Call& call, const std::string& id);
  Result<store::Secret> make(rpc::Call& call, store::Tx& tx, store::Secret wanted,
                             const Variables& variables);
  Result<store::Secret> look_up(store::View& view, const EnvironmentId& environment,
                                const modal::client::SecretGetOrCreateRequest& request);
  Result<Variables> open(store::View& view, const store::Secret& secret) const;
  std::string seal(const Variables& variables);
  static void fill(modal::client::SecretMetadata& metadata, const store::Secret& secret,
                   const Variables& variables, const std::string& environment);

  Context& c_;
};

}  // namespace ionian::services
