#pragma once
// How rows of apps and functions are read; for the repositories alone.
#include "store/apps.h"

// SQL is a literal throughout, so the columns of these rows are one too.
#define SELECT_APP                                                                       \
  "SELECT id, workspace, environment, name, description, state, created_at, created_by," \
  " coalesce(stopped_at, 0), stopped_by FROM apps"
#define SELECT_FUNCTION \
  "SELECT id, app, tag, definition_id, definition, live AND pinned = 0 FROM functions"

namespace ionian::store {

inline App read_app(const Rows& r) {
  return {.id = AppId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .environment = EnvironmentId(r.text(2)),
          .name = r.text(3),
          .description = r.text(4),
          .state = static_cast<int>(r.number(5)),
          .created_at = r.time(6),
          .created_by = r.text(7),
          .stopped_at = r.time(8),
          .stopped_by = r.text(9)};
}

inline Function read_function(const Rows& r) {
  return {.id = FunctionId(r.text(0)),
          .app = AppId(r.text(1)),
          .tag = r.text(2),
          .definition_id = r.text(3),
          .definition = r.text(4),
          .live = r.number(5) != 0};
}

}  // namespace ionian::store
