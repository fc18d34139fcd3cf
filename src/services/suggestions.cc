#include "services/suggestions.h"

#include <algorithm>

#include "services/environments.h"
#include "store/deployments.h"

namespace ionian::services {
namespace {

using modal::client::ObjectSuggestRequest;

constexpr std::size_t kSuggestionsMax = 20, kQueryMax = 256;

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

// The lower the better; nothing that has little to do with the query.
std::optional<std::size_t> distance(const std::string& query, const std::string& name) {
  const std::string near = lower(name);
  const std::size_t edits = edit_distance(query, near);
  const bool part = query.size() >= 3 && near.find(query) != std::string::npos;
  if (edits > std::max<std::size_t>(2, query.size() / 3) && !part) return std::nullopt;
  return part ? std::min<std::size_t>(edits, 1) : edits;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

void Suggestions::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ObjectSuggest", &Suggestions::suggest, rpc::Access::kView);
}

Result<modal::client::ObjectSuggestResponse> Suggestions::suggest(
    rpc::Call& call, const ObjectSuggestRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, view, call, request.environment_name()));
  const std::string query = lower(std::string_view(request.query()).substr(0, kQueryMax));
  modal::client::ObjectSuggestResponse reply;
  // Servers are not served, so none has a name.
  if (query.empty() || request.kind() == ObjectSuggestRequest::OBJECT_SUGGEST_KIND_SERVER)
    return reply;
  struct Found {
    std::size_t distance;
    std::string app, object;
  };
  std::vector<Found> found;
  const bool apps = request.kind() == ObjectSuggestRequest::OBJECT_SUGGEST_KIND_APP;
  for (const store::App& app :
       store::list_apps(view, env.id, modal::client::APP_STATE_STOPPED, call.now)) {
    if (app.state != modal::client::APP_STATE_DEPLOYED) continue;
    if (apps) {
      if (const auto d = distance(query, app.name)) found.push_back({*d, "", app.name});
      continue;
    }
    for (const store::Function& f : store::list_live_functions(view, app.id)) {
      if (f.definition_id.empty()) continue;
      const auto whole = distance(query, cat(app.name, '/', f.tag));
      const auto alone =
          query.find('/') == std::string::npos ? distance(query, f.tag) : std::nullopt;
      if (whole || alone)
        found.push_back({std::min(whole.value_or(99), alone.value_or(99)), app.name, f.tag});
    }
  }
  std::ranges::sort(found, {},
                    [](const Found& f) { return std::tie(f.distance, f.app, f.object); });
  const std::size_t most =
      std::min<std::size_t>(request.limit() ? request.limit() : kSuggestionsMax, kSuggestionsMax);
  for (const Found& f : found) {
    if (static_cast<std::size_t>(reply.suggestions_size()) == most) break;
    auto* suggestion = reply.add_suggestions();
    suggestion->set_app_name(f.app);
    suggestion->set_object_name(f.object);
  }
  return reply;
}

}  // namespace ionian::services
