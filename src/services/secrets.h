#pragma once
// Secrets: variables for containers, sealed at rest, never given back.
#include "modal_proto/secret.pb.h"
#include "services/context.h"

namespace ionian::services {

// The variables of a secret, for a container of the same workspace.   errors  NOT_FOUND · DATA_LOSS
Result<std::vector<std::pair<std::string, std::string>>> open_secret(const Context& c, store::View& view, const WorkspaceId& workspace,
                                                                     const std::string& id);

class Secrets {
 public:
  explicit Secrets(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // SecretGetOrCreate. Anonymous and ephemeral secrets; named ones come with their own resource.
  //   errors   INVALID_ARGUMENT a name that no variable may have · UNIMPLEMENTED named secrets
  Result<modal::client::SecretGetOrCreateResponse> get_or_create(rpc::Call& call, const modal::client::SecretGetOrCreateRequest& request,
                                                                 store::Tx& tx);
  Context& c_;
};

}  // namespace ionian::services
