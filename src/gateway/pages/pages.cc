#include "gateway/pages/pages.h"

#include <algorithm>

#include "gateway/pages/static_files.h"
#include "store/workspaces.h"

namespace ionian::gateway::pages {

Route Pages::route() {
  return {.prefix = "/", .handle = [this](Exchange& exchange) { handle(exchange); }};
}

// A page that was reached by a name that is not ours may be a stranger's, pointed at us (DNS rebinding).
bool Pages::host_is_ours(const Exchange& exchange) const {
  const auto host = exchange.head()[http::field::host];
  return std::find(site_.hosts.begin(), site_.hosts.end(), std::string(host.data(), host.size())) != site_.hosts.end();
}

void Pages::handle(Exchange& exchange) {
  if (!host_is_ours(exchange))
    return exchange.reply(421, "text/plain; charset=utf-8", "this server is not known by that name; start it with --public-url\n");
  Visit visit(site_, exchange);
  if (const StaticFile* file = find_static(visit.path))
    return exchange.reply(200, file->type, std::string(file->content), {{"Cache-Control", "public, max-age=31536000, immutable"}});
  if (visit.method != "GET" && visit.method != "POST") return visit.page(405, "Not possible", "<h1>Pages know GET and POST only.</h1>");
  if (visit.path == "/sign-in") return sign_in(visit);
  if (visit.path == "/sign-out") return sign_out(visit);
  if (visit.path == "/first-owner") return first_owner(visit);
  if (visit.path.starts_with("/token-flow/")) return token_flow(visit, visit.path.substr(12));
  if (!visit.signed_in()) return visit.ask_to_sign_in();
  const auto workspace = site_.c.store.read([&](store::View& view) { return store::find_workspace(view, visit.session->workspace); });
  if (!workspace) return visit.not_found();
  if (visit.path == "/") return visit.redirect(cat("/w/", workspace->name, "/tokens"));
  const std::string prefix = cat("/w/", workspace->name, "/tokens");
  if (visit.path == prefix || visit.path.starts_with(prefix + "/")) return tokens(visit, workspace->name, visit.path.substr(prefix.size()));
  visit.not_found();
}

}  // namespace ionian::gateway::pages
