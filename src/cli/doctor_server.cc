#include <charconv>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/server.h"
#include "client/probe.h"
#include "client/transport.h"
#include "ionian/client.hpp"
#include "ionian/config.hpp"
#include "modal_proto/auth.pb.h"

namespace ionian::cli {
namespace {

using client::ReachStep;

constexpr Duration kProbeTimeout = 5s;
constexpr Duration kSkewMax = 5min, kAuthTokenLife = 1h, kExpirySoon = 7 * 24h;
constexpr struct {
  ReachStep step;
  std::string_view check;
} kSteps[] = {{ReachStep::kName, "name"},
              {ReachStep::kConnection, "connection"},
              {ReachStep::kTls, "tls"},
              {ReachStep::kProtocol, "protocol"}};

std::string passed(ReachStep step, const client::Endpoint& endpoint, const client::Reach& reach) {
  const bool socket = endpoint.scheme == client::Endpoint::Scheme::kUnix;
  switch (step) {
    case ReachStep::kName:
      return socket ? "no name is needed for a socket"
                    : cat(endpoint.host, " is ", reach.addresses);
    case ReachStep::kConnection:
      return socket ? endpoint.path : cat("port ", endpoint.port, " takes connections");
    case ReachStep::kTls:
      return reach.tls.empty() ? "not used with this address"
                               : cat(reach.tls, ", certificate accepted");
    default:
      return "the server speaks HTTP/2, as gRPC does";
  }
}

// By way of a proxy the steps are the proxy's: only whether a connection comes about can be seen.
bool report_by_proxy(Report& report, const client::Endpoint& endpoint, const std::string& proxy) {
  const auto transport = client::make_grpc_transport(endpoint, client::Proxy::kAsConfigured);
  const Result<void> done = transport->connect(kProbeTimeout);
  for (const auto& [step, check] : kSteps) {
    if (step == ReachStep::kProtocol) break;
    report.skip(check, cat("the proxy that ", proxy, " names does this"));
  }
  if (done)
    report.good("protocol",
                cat(endpoint.url, " speaks HTTP/2, by way of the proxy that ", proxy, " names"));
  else
    report.bad("protocol",
               cat("cannot reach ", endpoint.url, ": ", done.error().message,
                   ", by way of the proxy that ", proxy, " names"),
               "MODAL_DISABLE_API_PROXY=1 goes around it");
  return done.has_value();
}

// One line a step, down to the one that fails. `last` = false: there is another URL to try.
bool report_reach(Report& report, const client::Endpoint& endpoint, bool several, bool last) {
  if (const std::string proxy = endpoint.proxy_variable();
      !proxy.empty() && !config().disable_api_proxy())
    return report_by_proxy(report, endpoint, proxy);
  const client::Reach reach = client::probe(endpoint, kProbeTimeout);
  const std::string prefix = several ? cat(endpoint.url, ": ") : "";
  bool failed = false;
  for (const auto& [step, check] : kSteps) {
    if (failed)
      report.skip(check, "an earlier step failed");
    else if (step != reach.step)
      report.good(check, cat(prefix, passed(step, endpoint, reach)));
    else if (last)
      report.bad(check, cat("cannot reach ", endpoint.url, ": ", reach.cause), reach.mend);
    else
      report.warn(check, cat("cannot reach ", endpoint.url, ": ", reach.cause), reach.mend);
    failed |= step == reach.step;
  }
  return !failed;
}

std::string mend_of_refusal(std::string_view text) {
  const auto says = [&](std::string_view part) { return text.find(part) != text.npos; };
  if (says("disabled"))
    return "A manager lets it in again: `ionian workspace member-tokens enable ak-…`";
  if (says("revoked") || says("expired")) return "Get a new one: `ionian setup`";
  return "Is the pair from this server? `ionian config show --origin` says where it comes from; "
         "`ionian setup` gets a new one";
}

// How far the server's clock is ahead of ours; nullopt: it does not say.
std::optional<Duration> skew(client::Session& server) {
  const auto answer = server.try_call("AuthTokenGet", "");
  modal::client::AuthTokenGetResponse reply;
  if (!answer || !reply.ParseFromString(answer->body)) return std::nullopt;
  const Time now = SystemClock().now();
  double stated = 0;
  const std::string header = answer->find("x-ionian-time");
  if (std::from_chars(header.data(), header.data() + header.size(), stated).ec == std::errc())
    return Time(from_seconds(stated)) - now;
  // The token says when it ends, an hour from the server's now.
  const std::string& token = reply.token();
  const std::size_t dot = token.find('.'), end = token.find('.', dot + 1);
  if (end == token.npos) return std::nullopt;
  std::string_view part = std::string_view(token).substr(dot + 1, end - dot - 1);
  const auto payload = from_base64url(part.substr(0, part.find('=')));
  if (!payload) return std::nullopt;
  const auto claims = nlohmann::json::parse(*payload, nullptr, false);
  if (!claims.is_object() || !claims.contains("exp") || !claims["exp"].is_number())
    return std::nullopt;
  return Time(from_seconds(claims["exp"].get<double>())) - kAuthTokenLife - now;
}

void check_clock(Report& report, client::Session& server) {
  const std::optional<Duration> ahead = skew(server);
  if (!ahead) return report.skip("clock", "the server does not say its time");
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(*ahead).count();
  if (std::abs(minutes) * 1min <= kSkewMax)
    return report.good("clock", "this machine and the server agree");
  const auto size = std::abs(minutes);
  report.bad("clock",
             cat("the server's clock is ",
                 size >= 120 ? cat((size + 30) / 60, " hours ") : cat(size, " minutes "),
                 minutes > 0 ? "ahead of" : "behind", " this machine's"),
             "Set the one that is wrong: tokens and certificates end by the clock");
}

void check_identity(Report& report, const TokenInfo& info) {
  std::string text = cat(info.token_id, info.name.empty() ? "" : cat(" (", info.name, ")"));
  if (info.user) cat_to(text, ", user ", info.user->name);
  if (info.service_user) cat_to(text, ", service user ", info.service_user->name);
  if (!info.role.empty()) cat_to(text, ", role ", info.role);
  if (info.expires_at && *info.expires_at - SystemClock().now() < kExpirySoon)
    report.warn("token", cat(text, "; it ends at ", utc_text(*info.expires_at)),
                "`ionian token rotate` replaces it");
  else
    report.good("token", std::move(text));
}

void check_environment(Report& report, client::Session& server) {
  const std::string name = config().environment().value_or("");
  try {
    environment_id(server, name);
    report.good("environment", name.empty() ? std::string("the workspace's default")
                                            : cat(name, ", from ", config().origin("environment")));
  } catch (const Error& error) {
    report.bad("environment", error.what(),
               name.empty() ? std::string("A manager chooses the default: `ionian workspace "
                                          "settings set default-environment NAME`")
                            : cat("It comes from ", config().origin("environment"),
                                  "; `ionian environment list` shows those that there are"));
  }
}

}  // namespace

bool check_reach(Report& report) {
  std::string urls = "http://127.0.0.1:8713";
  try {
    urls = config().server_url();
  } catch (const Error&) {
    for (const auto& [step, check] : kSteps) report.skip(check, "there is no address");
    return false;
  }
  const auto endpoints = client::parse_endpoints(urls);
  if (!endpoints) {
    report.bad("name", endpoints.error().message, "`ionian config show --origin` says where it is");
    return false;
  }
  for (std::size_t i = 0; i < endpoints->size(); ++i)
    if (report_reach(report, (*endpoints)[i], endpoints->size() > 1, i + 1 == endpoints->size()))
      return true;
  return false;
}

void check_token(Report& report) {
  const auto server = configured_server();
  TokenInfo info;
  try {
    client::say_hello(*server);
    info = Client().token_info();
    check_identity(report, info);
  } catch (const AuthError& error) {
    report.bad("token", error.what(), mend_of_refusal(error.what()));
  } catch (const VersionError& error) {
    report.bad("token", error.what(), "The server asks for another version of this program");
  } catch (const Error& error) {
    report.bad("token", error.what(), "");
  }
  if (!report.healthy()) {
    for (const char* check : {"clock", "workspace", "environment"})
      report.skip(check, "the server does not take the token");
    return;
  }
  check_clock(report, *server);
  report.good("workspace", cat(info.workspace, " (", info.workspace_id, ")"));
  check_environment(report, *server);
}

}  // namespace ionian::cli
