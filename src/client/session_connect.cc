#include <sys/utsname.h>

#include "client/config_credentials.h"
#include "client/session_state.h"
#include "ionian/config.hpp"
#include "ionian/error.hpp"

namespace ionian::client {
namespace {

constexpr Duration kConnectTimeout = 10s, kConnectTimeoutOfSeveral = 3s, kProbeTimeout = 2s;
// A connection that was lost is sought again this often and this long, as the official clients do.
constexpr int kReconnectsMax = 18;
constexpr Duration kReconnectFirst = 100ms, kReconnectMax = 5s, kReconnectWithin = 63s;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-_.~/").find(c) != std::string_view::npos)
      out += c;
    else
      out += cat('%', kHex[byte >> 4], kHex[byte & 15]);
  }
  return out;
}

void add_credentials(const Credentials& from, Metadata& out) {
  if (!from.oauth_jwt_key.empty())
    throw InvalidError(
        "oauth_jwt_key cannot be used by this library. Use oauth_client_secret, or a token");
  const std::pair<const char*, const std::string*> all[] = {
      {"x-modal-token-id", &from.token_id},
      {"x-modal-token-secret", &from.token_secret},
      {"x-modal-refresh-token", &from.oauth_refresh_token},
      {"x-modal-oauth-client-id", &from.oauth_client_id},
      {"x-modal-oauth-client-secret", &from.oauth_client_secret}};
  for (const auto& [name, value] : all)
    if (!value->empty()) out.emplace_back(name, *value);
}

// The pair that a program passed; nullopt: it passed none.
std::optional<Credentials> passed(const SessionOptions& options) {
  const bool id = options.token_id && !options.token_id->empty();
  const bool secret = options.token_secret && !options.token_secret->empty();
  if (!id && !secret) return std::nullopt;
  if (id != secret)
    throw AuthError(cat(id ? "token_secret" : "token_id", " is missing: the program passed only ",
                        id ? "token_id" : "token_secret", " to the client"));
  Credentials out;
  out.token_id = *options.token_id;
  out.token_secret = *options.token_secret;
  for (const auto& [name, value] :
       {std::pair("token_id", &out.token_id), std::pair("token_secret", &out.token_secret)})
    if (auto fine = check_credential(name, *value, "what the program passed"); !fine)
      throw InvalidError(fine.error().message);
  return out;
}

Failure unreachable(const Endpoint& endpoint, const Status& status, CallOptions::Explain explain) {
  Failure failure{Failure::Kind::kUnreachable, status, ReachStep::kConnection};
  std::string cause = status.code == Code::kDeadlineExceeded ? "timeout" : status.message, mend;
  const std::string proxy = config().disable_api_proxy() ? "" : endpoint.proxy_variable();
  if (!proxy.empty()) {
    cause = cat(cause, ", by way of the proxy that ", proxy, " names");
    mend = "MODAL_DISABLE_API_PROXY=1 goes around it";
  } else if (explain == CallOptions::Explain::kFully) {
    const Reach reach = probe(endpoint, kProbeTimeout);
    if (reach.step != ReachStep::kReached) {
      failure.step = reach.step;
      cause = reach.cause;
      mend = reach.mend;
    }
  }
  failure.status.message =
      cat("cannot reach ", endpoint.url, ": ", cause, mend.empty() ? "" : ". ", mend);
  return failure;
}

}  // namespace

Metadata common_headers() {
  utsname machine{};
  ::uname(&machine);
  return {{"x-modal-client-version", std::string(kProtocolVersion)},
          {"x-modal-libmodal-version", "ionian-cpp/" IONIAN_VERSION},
          {"x-modal-node", percent_encoded(machine.nodename)},
          {"x-modal-platform",
           percent_encoded(cat(machine.sysname, "-", machine.release, "-", machine.machine))}};
}

std::string Session::server_url() const {
  return options_.server_url ? *options_.server_url : config().server_url();
}

std::string Session::server_url_origin() const {
  if (!options_.server_url) return config().origin("server_url").str();
  return options_.url_origin.empty() ? "the program" : options_.url_origin;
}

std::string Session::environment() const {
  return options_.environment ? *options_.environment : config().environment().value_or("");
}

LogStyle Session::log_style() const {
  LogStyle style;
  try {
    style.least = log_level_of(options_.loglevel ? *options_.loglevel : config().loglevel());
    style.json = config().log_format() == "JSON";
    style.pattern = config().log_pattern().value_or("");
  } catch (const Error&) {
    // Wrong settings are the failure of the call that needs them, not of a log line.
  }
  return style;
}

void Session::log(LogLevel level, std::string_view message) const {
  log_write(log_style(), level, message);
}

void Session::resolve(State& state) const {
  const std::lock_guard lock(state.mutex);
  if (state.resolved) return;
  const std::string urls = server_url();
  auto endpoints = parse_endpoints(urls);
  if (!endpoints)
    throw InvalidError(cat("invalid value for server_url: ", endpoints.error().message));
  Metadata identity = common_headers();
  Credentials credentials;
  bool anonymous = options_.who == SessionOptions::Who::kAnonymous;
  if (!anonymous) {
    const std::optional<Credentials> given = passed(options_);
    credentials = given ? *given : config().credentials();
    anonymous = !given && credentials.token_id.empty() && !credentials.is_oauth();
  }
  const bool container = anonymous && options_.who == SessionOptions::Who::kConfigured;
  identity.emplace_back("x-modal-client-type", container ? "3" : "1");
  add_credentials(credentials, identity);
  if (endpoints->front().scheme != Endpoint::Scheme::kUnix)
    identity.emplace_back("x-modal-host", endpoints->front().host);
  if (const ConfigValue extra = config().value("override_headers");
      const auto* headers = std::get_if<Headers>(&extra))
    for (const auto& [name, value] : *headers) identity.emplace_back(name, value);
  state.links.clear();
  for (Endpoint& endpoint : *endpoints) state.links.push_back({std::move(endpoint), nullptr});
  state.identity = std::move(identity);
  state.url_origin = server_url_origin();
  state.resolved = true;
}

std::expected<std::shared_ptr<Transport>, Failure> Session::connect_round(
    State& state, Duration timeout, CallOptions::Explain explain) {
  std::optional<Failure> failure;
  const std::size_t count = state.links.size();
  for (std::size_t tried = 0; tried < count && !closed_; ++tried) {
    const std::size_t at = (state.current + tried) % count;
    State::Link& link = state.links[at];
    {
      const std::lock_guard lock(state.mutex);
      if (!link.transport)
        link.transport = make_grpc_transport(
            link.endpoint, link.endpoint.proxy_variable().empty() || config().disable_api_proxy()
                               ? Proxy::kNone
                               : Proxy::kAsConfigured);
    }
    const bool last = tried + 1 == count;
    const Duration most = last ? kConnectTimeout : kConnectTimeoutOfSeveral;
    Result<void> done = link.transport->connect(std::min(timeout, most));
    if (done) {
      state.current = at;
      state.was_connected = true;
      return link.transport;
    }
    if (closed_) break;
    Failure one = unreachable(link.endpoint, done.error(), explain);
    if (failure) one.status.message = cat(failure->status.message, "; ", one.status.message);
    failure = std::move(one);
  }
  if (!failure) return std::unexpected(Failure{Failure::Kind::kClosed, {Code::kCancelled, ""}});
  return std::unexpected(*std::move(failure));
}

std::expected<std::shared_ptr<Transport>, Failure> Session::connected(State& state,
                                                                      Duration timeout,
                                                                      const CallOptions& options) {
  const std::lock_guard one_at_a_time(state.connecting);
  const bool again = state.was_connected && options.retry == CallOptions::Retry::kTransient;
  const auto began = std::chrono::steady_clock::now();
  Duration delay = kReconnectFirst;
  for (int tries = 1;; ++tries) {
    const bool last = !again || tries == kReconnectsMax ||
                      std::chrono::steady_clock::now() - began >= kReconnectWithin;
    auto transport =
        connect_round(state, timeout, last ? options.explain : CallOptions::Explain::kBriefly);
    if (transport) return transport;
    if (last) {
      Failure failure = transport.error();
      cat_to(failure.status.message, ". The setting server_url (from ", state.url_origin,
             ") decides where the server is");
      return std::unexpected(std::move(failure));
    }
    log(LogLevel::kDebug, transport.error().status.message);
    if (!pause(state, delay)) return transport;
    delay = std::min(delay * 2, kReconnectMax);
  }
}

}  // namespace ionian::client
