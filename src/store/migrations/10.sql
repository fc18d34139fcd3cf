-- Version 10: what was deleted and may come back. What is in an object stays where it is, under the same id.

CREATE TABLE deleted (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL,      -- of objects, or 'secret'
  workspace   TEXT NOT NULL,
  environment TEXT NOT NULL,      -- may be gone by now
  place       TEXT NOT NULL,      -- its name then
  name        TEXT NOT NULL,
  created_by  TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  deleted_at  INTEGER NOT NULL,
  sealed      BLOB NOT NULL       -- of a secret; else empty
) STRICT;
CREATE INDEX deleted_by_time ON deleted (deleted_at);
