#pragma once
// The owner's own calls: tokens, status.
#include "services/admin.pb.h"
#include "services/context.h"

namespace ionian::services {

struct ServerFacts {
  std::string version, grpc_url, http_url, network_warning;
  std::string data;  // the folder
  Time started;
  const rpc::Counters* counters = nullptr;
};

class Admin {
 public:
  Admin(Context& context, const ServerFacts& facts) : c_(context), facts_(facts) {}
  void bind(rpc::Table& table);

 private:
  // TokenCreate. The secret is in the reply and nowhere else.
  //   errors   NOT_FOUND workspace, user, environment · INVALID_ARGUMENT name, role ·
  //   ALREADY_EXISTS name
  Result<TokenCreateResponse> create_token(rpc::Call& call, const TokenCreateRequest& request,
                                           store::Tx& tx);
  // OwnerLink. A fresh one-time link; the former ones end.   errors  FAILED_PRECONDITION there is
  // an owner account
  Result<OwnerLinkResponse> owner_link(rpc::Call& call, const OwnerLinkRequest& request,
                                       store::View& view);
  Result<TokenListResponse> list_tokens(rpc::Call& call, const TokenListRequest& request,
                                        store::View& view);
  // TokenRevoke. Takes effect on the token's next call.   errors  NOT_FOUND
  Result<TokenRevokeResponse> revoke_token(rpc::Call& call, const TokenRevokeRequest& request,
                                           store::Tx& tx);

  // WorkspaceCreate. With an environment; an owner who is new here gets an account and a link for
  // its password.
  //   errors   INVALID_ARGUMENT name · ALREADY_EXISTS · NOT_FOUND an owner's name that nobody has
  Result<WorkspaceCreateResponse> create_workspace(rpc::Call& call,
                                                   const WorkspaceCreateRequest& request,
                                                   store::Tx& tx);
  Result<WorkspaceListResponse> list_workspaces(rpc::Call& call,
                                                const WorkspaceListRequest& request,
                                                store::View& view);
  // PasswordLink. A one-time link by which a user chooses a new password.   errors  NOT_FOUND
  Result<PasswordLinkResponse> password_link(rpc::Call& call, const PasswordLinkRequest& request,
                                             store::Tx& tx);
  // Audit. Pages of kAuditPage entries, newest first.   errors  NOT_FOUND workspace
  Result<AuditResponse> audit(rpc::Call& call, const AuditRequest& request, store::View& view);
  // Backup. Copies the records while others write.   errors  FAILED_PRECONDITION no room on the
  // disk
  Result<BackupResponse> backup(rpc::Call& call, const BackupRequest& request, Slow& slow);
  Result<SigningKeyRotateResponse> rotate_signing_key(rpc::Call& call,
                                                      const SigningKeyRotateRequest& request,
                                                      store::Tx& tx);

  // SecretKeyRotate. Seals all secrets with a fresh key, and then removes the former from the key
  // file. Those that are damaged stay so, and are named.
  Result<SecretKeyRotateResponse> rotate_secret_key(rpc::Call& call,
                                                    const SecretKeyRotateRequest& request,
                                                    Slow& slow);

  Result<StatusResponse> status(rpc::Call& call, const StatusRequest& request, core::Core& core);

  static constexpr std::size_t kAuditPage = 1000;
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
Result<void> make_owner_account(store::Tx& tx, const std::string& email,
                                const std::string& password, Time now);

}  // namespace ionian::services
