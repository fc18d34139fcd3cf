#include "services/environments.h"

#include <array>
#include <cstdio>


namespace ionian::services {
namespace {

constexpr std::string_view kDefaultBuilder = "2025.06";

struct Version {
  int major = 0, minor = 0, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

Version parse_version(const std::string& text) {
  Version v;
  std::sscanf(text.c_str(), "%d.%d.%d", &v.major, &v.minor, &v.patch);
  return v;
}

}  // namespace

std::string builder_version_for(const rpc::RequestHeaders& client, const std::string& wanted) {
  const std::string setting = wanted.empty() ? std::string(kDefaultBuilder) : wanted;
  // JavaScript and Go take any; they say nothing of their own version in this header.
  if (client.client_type != rpc::ClientType::kPython && client.client_type != rpc::ClientType::kContainer) return setting;
  const Version v = parse_version(client.client_version);
  std::string newest = "2026.10";
  if (v < Version{1, 6, 1}) newest = "2025.06";
  if (v < Version{1, 1, 0}) newest = "2024.10";
  return std::min(setting, newest);
}

Result<store::Environment> environment_of(store::View& view, const rpc::Caller& caller, const std::string& name) {
  std::optional<store::Environment> found =
      name.empty() && !caller.environment.empty() ? store::find_environment_by_id(view, caller.workspace, caller.environment)
                                                  : store::find_environment(view, caller.workspace, name);
  if (!found) return fail(Code::kNotFound, "environment '", name, "' not found in this workspace");
  return *std::move(found);
}

void Environments::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("EnvironmentGetOrCreate", &Environments::get_or_create);
  on("ClientHello", &Environments::hello);
  on("WorkspaceNameLookup", &Environments::workspace_name);
}

Result<modal::client::EnvironmentGetOrCreateResponse> Environments::get_or_create(
    rpc::Call& call, const modal::client::EnvironmentGetOrCreateRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(view, call.caller, request.deployment_name()));
  modal::client::EnvironmentGetOrCreateResponse reply;
  reply.set_environment_id(env.id.str());
  reply.mutable_metadata()->set_name(env.name);
  auto* settings = reply.mutable_metadata()->mutable_settings();
  settings->set_image_builder_version(builder_version_for(call.headers, env.image_builder_version));
  settings->set_webhook_suffix(env.web_suffix);
  return reply;
}

Result<modal::client::ClientHelloResponse> Environments::hello(rpc::Call& call, const google::protobuf::Empty&) {
  modal::client::ClientHelloResponse reply;
  reply.set_image_builder_version(builder_version_for(call.headers, ""));
  return reply;
}

Result<modal::client::WorkspaceNameLookupResponse> Environments::workspace_name(rpc::Call& call, const google::protobuf::Empty&,
                                                                                store::View& view) {
  const auto workspace = store::find_workspace(view, call.caller.workspace);
  if (!workspace) return fail(Code::kNotFound, "workspace not found");
  modal::client::WorkspaceNameLookupResponse reply;
  reply.set_workspace_name(workspace->name);
  reply.set_username(workspace->name);
  return reply;
}

}  // namespace ionian::services
