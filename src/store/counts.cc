#include "store/counts.h"

#include "store/rows.h"

namespace ionian::store {

EnvironmentContents count_contents(View& view, const EnvironmentId& environment) {
  return {.apps = one_number(view.db().query(
              "SELECT count(*) FROM apps WHERE environment = ? AND name != ''", environment)),
          .secrets = one_number(view.db().query(
              "SELECT count(*) FROM secrets WHERE environment = ? AND name != ''", environment))};
}

std::optional<Time> last_token_use(View& view, const WorkspaceId& workspace,
                                   std::string_view principal) {
  Rows rows =
      view.db().query("SELECT max(last_used_at) FROM tokens WHERE workspace = ? AND principal = ?",
                      workspace, principal);
  if (!rows.next() || rows.null(0)) return std::nullopt;
  return rows.time(0);
}

}  // namespace ionian::store
