#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/pages.h"
#include "cli/server_call.h"
#include "cli/settings.h"
#include "cli/token.h"
#include "modal_proto/token.pb.h"

namespace ionian::cli {
namespace {

using Json = nlohmann::ordered_json;
using Reply = modal::client::TokenInfoGetResponse;

std::string time_text(std::int64_t seconds, const char* format, bool local) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  local ? ::localtime_r(&time, &parts) : ::gmtime_r(&time, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

Json time_json(const google::protobuf::Timestamp& time) {
  if (time.seconds() <= 0) return nullptr;
  return time_text(time.seconds(), "%Y-%m-%d %H:%M:%S+00:00", false);
}

Json identity_json(const std::string& id, const std::string& name) {
  if (id.empty() && name.empty()) return nullptr;
  return {{"id", id}, {"name", name}};
}

void print_json(const Reply& reply) {
  const auto& user = reply.user_identity();
  const auto& service = reply.service_user_identity();
  std::cout << Json{{"token_id", reply.token_id()},
                    {"name", reply.token_name()},
                    {"workspace", reply.workspace_name()},
                    {"workspace_id", reply.workspace_id()},
                    {"user", identity_json(user.user_id(), user.username())},
                    {"service_user",
                     identity_json(service.service_user_id(), service.service_user_name())},
                    {"created_by", identity_json(service.created_by().user_id(),
                                                 service.created_by().username())},
                    {"created_at", time_json(reply.created_at())},
                    {"expires_at", time_json(reply.expires_at())},
                    {"environment_variables", credential_variables()}}
                   .dump(2)
            << "\n";
}

void print_text(const Reply& reply) {
  std::string names;
  const std::vector<std::string> set = credential_variables();
  for (const std::string& name : set) cat_to(names, names.empty() ? "" : " and ", name);
  if (!set.empty())
    std::cout << "(Using " << names << " environment variable" << (set.size() > 1 ? "s)\n" : ")\n");
  const auto line = [](std::string_view what, const std::string& name, const std::string& id) {
    if (!name.empty())
      std::cout << what << ": " << name << (id.empty() ? "" : cat(" (", id, ")")) << "\n";
  };
  line("Token", reply.token_id(), "");
  line("Name", reply.token_name(), "");
  line("Workspace", reply.workspace_name(), reply.workspace_id());
  line("User", reply.user_identity().username(), reply.user_identity().user_id());
  const auto& service = reply.service_user_identity();
  line("Service User", service.service_user_name(), service.service_user_id());
  line("Created By", service.created_by().username(), service.created_by().user_id());
  const auto time = [](const google::protobuf::Timestamp& at) {
    return at.seconds() > 0 ? time_text(at.seconds(), "%Y-%m-%d %H:%M:%S %Z", true) : "";
  };
  line("Created at", time(reply.created_at()), "");
  line("Expires at", time(reply.expires_at()), "");
}

}  // namespace

void add_token_info(CLI::App& token) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = token.add_subcommand("info", "Whose token is in use, and until when");
  command->footer(std::string(kTokenInfoPage));
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json] {
    run_with_settings([&] {
      Reply reply;
      Result<void> done = call_server(configured_access(), "TokenInfoGet",
                                      modal::client::TokenInfoGetRequest(), reply);
      if (!done) die(done.error().message);
      *json ? print_json(reply) : print_text(reply);
    });
  });
}

}  // namespace ionian::cli
