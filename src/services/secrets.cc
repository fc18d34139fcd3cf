#include "services/secrets.h"

#include <nlohmann/json.hpp>
#include <regex>

#include "services/environments.h"
#include "store/secrets.h"

namespace ionian::services {

Result<std::vector<std::pair<std::string, std::string>>> open_secret(const Context& c, store::View& view, const WorkspaceId& workspace,
                                                                     const std::string& id) {
  const auto secret = store::find_secret(view, workspace, SecretId(id));
  if (!secret) return fail(Code::kNotFound, "secret '", id, "' not found");
  ASSIGN_OR_RETURN(const std::string plain, c.key.unseal(secret->sealed));
  std::vector<std::pair<std::string, std::string>> variables;
  const nlohmann::json values = nlohmann::json::parse(plain);
  for (const auto& [key, value] : values.items()) variables.emplace_back(key, value.get<std::string>());
  return variables;
}

void Secrets::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("SecretGetOrCreate", &Secrets::get_or_create);
}

Result<modal::client::SecretGetOrCreateResponse> Secrets::get_or_create(
    rpc::Call& call, const modal::client::SecretGetOrCreateRequest& request, store::Tx& tx) {
  static const std::regex kName("[a-zA-Z_][a-zA-Z0-9_]*");
  const auto type = request.object_creation_type();
  if (type != modal::client::OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP && type != modal::client::OBJECT_CREATION_TYPE_EPHEMERAL)
    return fail(Code::kUnimplemented, "named secrets are not served by this version of Ionian; Secret.from_dict is");
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c_, tx, call, request.environment_name()));
  nlohmann::json values = nlohmann::json::object();
  for (const auto& [key, value] : request.env_dict()) {
    if (!std::regex_match(key, kName))
      return fail(Code::kInvalidArgument, "secret key '", key, "' is no name of a variable: letters, digits and _ only, no digit first");
    values[key] = value;
  }
  store::Secret secret{.id = SecretId::make(c_.random, call.now), .workspace = call.caller.workspace, .environment = env.id,
                       .app = AppId(request.app_id())};
  secret.sealed = c_.key.seal(values.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), c_.random);
  store::insert_secret(tx, secret, call.now);
  modal::client::SecretGetOrCreateResponse reply;
  reply.set_secret_id(secret.id.str());
  reply.mutable_metadata()->mutable_creation_info()->set_created_at(to_unix_seconds(call.now));
  reply.mutable_metadata()->set_environment_name(env.name);
  for (const auto& [key, value] : request.env_dict()) reply.mutable_metadata()->add_keys(key);
  return reply;
}

}  // namespace ionian::services
