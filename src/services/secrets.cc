#include "services/secrets.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "services/data_objects.h"
#include "services/environments.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

// A use is written down once a minute, however many containers start. Of those without a name
// nobody sees it, and it says only that they are needed still.
constexpr Duration kUseIsNoted = 1min, kUnnamedUseIsNoted = 24h;

bool use_is_due(const store::Secret& secret, Time now) {
  if (secret.name.empty())
    return now - secret.last_used_at.value_or(secret.created_at) > kUnnamedUseIsNoted;
  return now - secret.last_used_at.value_or(Time{}) > kUseIsNoted;
}

std::unexpected<Status> damaged(store::View& view, const store::Secret& s) {
  constexpr std::string_view kWhy =
      " cannot be read: it is damaged, or secret.key is not the one that it was sealed with. ";
  if (s.name.empty())
    return fail(Code::kDataLoss, "secret '", s.id, "'", kWhy,
                "Run or deploy the app again, which makes it anew");
  const auto place = store::find_environment_by_id(view, s.workspace, s.environment);
  return fail(Code::kDataLoss, "secret '", s.name, "' (", s.id, ") of environment '",
              place ? place->name : s.environment.str(), "'", kWhy,
              "Replace it with `modal secret create --force ", s.name, " …`");
}

Result<std::map<std::string, std::string>> open_sealed(const Context& c, store::View& view,
                                                       const store::Secret& s) {
  const Result<std::string> plain = c.key.unseal(s.sealed);
  if (!plain) return damaged(view, s);
  const auto values = nlohmann::json::parse(*plain, nullptr, false);
  if (!values.is_object()) return damaged(view, s);
  return values.get<std::map<std::string, std::string>>();
}

Result<void> check_variable(const std::string& key, const std::string& value) {
  const auto letter = [](unsigned char c) { return std::isalpha(c) || c == '_'; };
  const auto inner = [&](unsigned char c) { return letter(c) || std::isdigit(c); };
  const bool named =
      !key.empty() && letter(static_cast<unsigned char>(key[0])) && std::ranges::all_of(key, inner);
  if (!named)
    return fail(Code::kInvalidArgument, "secret key '", key.substr(0, 80),
                "' is no name of a variable: letters, digits and _ only, no digit first");
  if (value.find('\0') != std::string::npos)
    return fail(Code::kInvalidArgument, "the value of secret key '", key,
                "' has a zero byte, which no variable can hold");
  return {};
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> open_secret(const Context& c,
                                                                     store::View& view,
                                                                     const WorkspaceId& workspace,
                                                                     const std::string& id) {
  const auto secret = store::find_secret(view, workspace, SecretId(id));
  if (!secret) return fail(Code::kNotFound, "secret '", id, "' not found");
  ASSIGN_OR_RETURN(const auto variables, open_sealed(c, view, *secret));
  const Time now = c.clock.now();
  if (use_is_due(*secret, now))
    c.store.write(
        [used = secret->id, now](store::Tx& tx) -> Result<void> {
          store::note_secret_use(tx, used, now);
          return {};
        },
        {});
  return std::vector<std::pair<std::string, std::string>>(variables.begin(), variables.end());
}

Result<void> check_secret(const Context& c, store::View& view, const rpc::Call& call,
                          const std::string& id) {
  const auto secret = store::find_secret(view, call.caller.workspace, SecretId(id));
  return c.access.check(call, secret ? &secret->environment : nullptr, {"secret", id});
}

void Secrets::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("SecretGetOrCreate", &Secrets::get_or_create);
  on("SecretUpdate", &Secrets::update);
  on("SecretDelete", &Secrets::remove);
  on("SecretList", &Secrets::list, rpc::Access::kView);
  on("SecretGetInfo", &Secrets::get_info, rpc::Access::kView);
}

Result<Secrets::Variables> Secrets::open(store::View& view, const store::Secret& secret) const {
  return open_sealed(c_, view, secret);
}

std::string Secrets::seal(const Variables& variables) {
  const nlohmann::json values = variables;
  return c_.key.seal(values.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                     c_.random);
}

void Secrets::fill(modal::client::SecretMetadata& metadata, const store::Secret& secret,
                   const Variables& variables, const std::string& environment) {
  metadata.set_name(secret.name);
  metadata.mutable_creation_info()->set_created_at(to_unix_seconds(secret.created_at));
  metadata.mutable_creation_info()->set_created_by(secret.created_by);
  for (const auto& [key, value] : variables) metadata.add_keys(key);
  metadata.set_environment_name(environment);
  if (secret.last_used_at) metadata.set_last_used_at(to_unix_seconds(*secret.last_used_at));
}

Result<store::Secret> Secrets::secret_of(store::View& view, const rpc::Call& call,
                                         const std::string& id) {
  auto found = store::find_secret(view, call.caller.workspace, SecretId(id));
  TRY(c_.access.check(call, found ? &found->environment : nullptr, {"Secret", id}));
  return *std::move(found);
}

Result<store::Secret> Secrets::make(rpc::Call& call, store::Tx& tx, store::Secret wanted,
                                    const Variables& variables) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : variables) {
    TRY(check_variable(key, value));
    bytes += key.size() + value.size();
  }
  if (bytes > c_.data_limits.secret_bytes)
    return fail(Code::kInvalidArgument, "the keys and values of a secret have at most ",
                c_.data_limits.secret_bytes, " bytes together, not ", bytes);
  wanted.sealed = seal(variables);
  if (!wanted.id.empty()) {
    store::update_secret(tx, wanted.id, wanted.sealed);
    return wanted;
  }
  wanted.id = SecretId::make(c_.random, call.now);
  wanted.created_by = creator_name(tx, call);
  wanted.created_at = call.now;
  store::insert_secret(tx, wanted, call.now);
  return wanted;
}

Result<store::Secret> Secrets::look_up(store::View& view, const EnvironmentId& environment,
                                       const modal::client::SecretGetOrCreateRequest& request) {
  const std::string& name = request.deployment_name();
  auto found = store::find_named_secret(view, environment, name);
  if (!found) return fail(Code::kNotFound, "Secret '", name, "' not found");
  ASSIGN_OR_RETURN(const Variables variables, open(view, *found));
  std::string missing;
  for (const std::string& key : request.required_keys())
    if (!variables.contains(key)) cat_to(missing, missing.empty() ? "" : ", ", key);
  if (!missing.empty())
    return fail(Code::kFailedPrecondition, "Secret is missing key(s): ", missing);
  return *std::move(found);
}

Result<modal::client::SecretGetOrCreateResponse> Secrets::get_or_create(
    rpc::Call& call, const modal::client::SecretGetOrCreateRequest& request, store::Tx& tx) {
  using namespace modal::client;
  const auto type = request.object_creation_type();
  const std::string& name = request.deployment_name();
  const bool anonymous =
      type == OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP || type == OBJECT_CREATION_TYPE_EPHEMERAL;
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, tx, call, request.environment_name()));
  const Variables variables(request.env_dict().begin(), request.env_dict().end());
  store::Secret wanted{.workspace = call.caller.workspace, .environment = env.id};
  Result<store::Secret> secret = wanted;
  bool wrote = true;
  auto there = anonymous ? std::nullopt : store::find_named_secret(tx, env.id, name);
  if (anonymous) {
    wanted.app = AppId(request.app_id());
    secret = make(call, tx, wanted, variables);
  } else if (type == OBJECT_CREATION_TYPE_UNSPECIFIED) {
    wrote = false;
    secret = look_up(tx, env.id, request);
  } else if (there && type == OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS) {
    return fail(Code::kAlreadyExists, "Secret '", name, "' already exists");
  } else if (there && type == OBJECT_CREATION_TYPE_CREATE_IF_MISSING) {
    wrote = false;
    secret = *std::move(there);
  } else {
    TRY(check_object_name("Secret", name));
    wanted.name = name;
    secret = make(call, tx, there ? *there : wanted, variables);
    c_.audit(tx, call, there ? "secret.replace" : "secret.create", name);
  }
  if (!secret) return std::unexpected(secret.error());
  SecretGetOrCreateResponse reply;
  reply.set_secret_id(secret->id.str());
  ASSIGN_OR_RETURN(const Variables sealed, open(tx, *secret));
  fill(*reply.mutable_metadata(), *secret, sealed, env.name);
  // Names only. Who asks again is not to undo what somebody has written since.
  if (wrote) keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<Secrets::Empty> Secrets::update(rpc::Call& call,
                                       const modal::client::SecretUpdateRequest& request,
                                       store::Tx& tx) {
  ASSIGN_OR_RETURN(store::Secret secret, secret_of(tx, call, request.secret_id()));
  ASSIGN_OR_RETURN(Variables variables, open(tx, secret));
  for (const auto& one : request.updates()) {
    if (one.has_value())
      variables[one.key()] = one.value();
    else
      variables.erase(one.key());
  }
  const std::string name = secret.name.empty() ? secret.id.str() : secret.name;
  TRY(make(call, tx, std::move(secret), variables));
  c_.audit(tx, call, "secret.update", name);
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

Result<Secrets::Empty> Secrets::remove(rpc::Call& call,
                                       const modal::client::SecretDeleteRequest& request,
                                       store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::Secret secret, secret_of(tx, call, request.secret_id()));
  store::delete_secret(tx, secret, c_.keep_deleted, call.now);
  c_.audit(tx, call, "secret.delete", secret.name.empty() ? secret.id.str() : secret.name);
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

Result<modal::client::SecretListResponse> Secrets::list(
    rpc::Call& call, const modal::client::SecretListRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, view, call, request.environment_name()));
  const PageRange range = page_range(request.pagination(), call.now);
  modal::client::SecretListResponse reply;
  reply.set_environment_name(env.name);
  for (const store::Secret& secret : store::list_secrets(view, env.id, range.before, range.max)) {
    auto& row = *reply.add_items();
    row.set_label(secret.name);
    row.set_created_at(to_unix_seconds(secret.created_at));
    if (secret.last_used_at) row.set_last_used_at(to_unix_seconds(*secret.last_used_at));
    row.set_environment_name(env.name);
    row.set_secret_id(secret.id.str());
    // One that is damaged is listed too, so that it can be replaced or deleted.
    fill(*row.mutable_metadata(), secret, open(view, secret).value_or(Variables()), env.name);
  }
  return reply;
}

Result<modal::client::SecretGetInfoResponse> Secrets::get_info(
    rpc::Call& call, const modal::client::SecretGetInfoRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::Secret secret, secret_of(view, call, request.secret_id()));
  const auto env = store::find_environment_by_id(view, secret.workspace, secret.environment);
  modal::client::SecretGetInfoResponse reply;
  ASSIGN_OR_RETURN(const Variables variables, open(view, secret));
  fill(*reply.mutable_metadata(), secret, variables, env ? env->name : "");
  return reply;
}

}  // namespace ionian::services
