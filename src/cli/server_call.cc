#include "cli/server_call.h"

#include <algorithm>

#include "client/config_credentials.h"
#include "client/python_text.h"
#include "rpc/client.h"

namespace ionian::cli {
namespace {

struct Target {
  std::string address;
  rpc::CallOptions::Transport transport = rpc::CallOptions::Transport::kPlain;
};

Target target_of(std::string_view url) {
  if (url.starts_with("unix:")) return {std::string(url)};
  const bool tls = url.starts_with("https://");
  url.remove_prefix(url.find("//") + 2);
  std::string host(url.substr(0, url.find('/')));
  // A port is what follows the last colon outside of an IPv6 address's brackets.
  const std::size_t colon = host.rfind(':');
  if (colon == std::string::npos || host.find(']', colon) != std::string::npos)
    host += tls ? ":443" : ":80";
  return {host, tls ? rpc::CallOptions::Transport::kTls : rpc::CallOptions::Transport::kPlain};
}

bool unreachable(const Status& status) {
  return status.code == Code::kUnavailable || status.code == Code::kDeadlineExceeded;
}

Status explain(Status status, std::string_view url, const ServerAccess& server) {
  if (!unreachable(status)) return status;
  status.message =
      cat("cannot reach ", url, ": ", status.message, ". The setting server_url (from ",
          server.url_origin, ") says where the server is");
  return status;
}

}  // namespace

ServerAccess configured_access() {
  const Credentials credentials = config().credentials();
  if (credentials.is_oauth())
    throw InvalidError("this command takes a token, not OAuth credentials");
  return {config().server_url(), config().origin("server_url").str(), credentials.token_id,
          credentials.token_secret};
}

Result<void> call_server(const ServerAccess& server, std::string_view method,
                         const google::protobuf::Message& request, google::protobuf::Message& reply,
                         Duration timeout) {
  TRY(client::check_credential("token_id", server.token_id, "the profile"));
  TRY(client::check_credential("token_secret", server.token_secret, "the profile"));
  rpc::CallOptions options{.metadata = {{"x-modal-client-type", "1"},
                                        {"x-modal-client-version", std::string(kProtocolVersion)},
                                        {"x-modal-token-id", server.token_id},
                                        {"x-modal-token-secret", server.token_secret}}};
  const std::string path = cat("/modal.client.ModalClient/", method);
  Result<void> done = fail(Code::kInvalidArgument, "server_url is empty");
  for (std::size_t at = 0; at <= server.urls.size();) {
    const std::size_t comma = std::min(server.urls.find(',', at), server.urls.size());
    const std::string url(client::strip(std::string_view(server.urls).substr(at, comma - at)));
    const Target target = target_of(url);
    options.transport = target.transport;
    done = rpc::call_unary(target.address, path, request, reply, timeout, options);
    if (done) return done;
    done = std::unexpected(explain(done.error(), url, server));
    if (done.error().code != Code::kUnavailable) return done;
    at = comma + 1;
  }
  return done;
}

}  // namespace ionian::cli
