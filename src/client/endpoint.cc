#include "client/endpoint.h"

#include <algorithm>
#include <cstdlib>

#include "client/python_text.h"

namespace ionian::client {
namespace {

using Scheme = Endpoint::Scheme;

std::unexpected<Status> wrong(std::string_view url, std::string_view why) {
  return fail(Code::kInvalidArgument, "'", url, "' is no address of a server: ", why);
}

// "[::1]:80" and "host:80" into host and port.
Result<void> split_host(std::string_view text, Endpoint& out) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong(out.url, "the bracket is not closed");
  const std::size_t colon = text.find(':', bracket);
  out.host = bracket ? text.substr(1, bracket - 1) : text.substr(0, colon);
  if (colon != std::string_view::npos) out.port = text.substr(colon + 1);
  if (out.host.empty()) return wrong(out.url, "it names no host");
  if (out.port.empty()) out.port = out.scheme == Scheme::kHttps ? "443" : "80";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (out.port.size() > 5 || !std::ranges::all_of(out.port, digit))
    return wrong(out.url, "the port is no number");
  return {};
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint out{.url = std::string(url)};
  if (url.starts_with("unix:")) {
    url.remove_prefix(url.starts_with("unix://") ? 7 : 5);
    if (url.empty()) return wrong(out.url, "it names no socket");
    out.scheme = Scheme::kUnix;
    out.path = url;
    return out;
  }
  if (url.starts_with("https://"))
    out.scheme = Scheme::kHttps;
  else if (!url.starts_with("http://"))
    return wrong(out.url, "it must begin with http://, https:// or unix:");
  url.remove_prefix(url.find("//") + 2);
  TRY(split_host(url.substr(0, url.find('/')), out));
  return out;
}

}  // namespace

std::string Endpoint::address() const {
  if (scheme == Scheme::kUnix) return cat("unix:", path);
  return host.find(':') == std::string::npos ? cat(host, ":", port) : cat("[", host, "]:", port);
}

bool Endpoint::local() const {
  return scheme == Scheme::kUnix || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

std::string Endpoint::proxy_variable() const {
  const auto value = [](const char* name) -> std::string_view {
    const char* text = std::getenv(name);
    return text ? text : "";
  };
  if (local()) return "";
  std::string_view without = value("no_grpc_proxy");
  if (without.empty()) without = value("no_proxy");
  while (!without.empty()) {
    const std::size_t comma = std::min(without.find(','), without.size());
    const std::string_view suffix = strip(without.substr(0, comma));
    if (!suffix.empty() && host.ends_with(suffix)) return "";
    without.remove_prefix(std::min(comma + 1, without.size()));
  }
  for (const char* name : {"grpc_proxy", "https_proxy", "http_proxy"})
    if (!value(name).empty()) return name;
  return "";
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view server_url) {
  std::vector<Endpoint> out;
  for (std::size_t at = 0; at <= server_url.size();) {
    const std::size_t comma = std::min(server_url.find(',', at), server_url.size());
    ASSIGN_OR_RETURN(Endpoint one, parse_endpoint(strip(server_url.substr(at, comma - at))));
    out.push_back(std::move(one));
    at = comma + 1;
  }
  return out;
}

}  // namespace ionian::client
