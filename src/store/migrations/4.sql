-- Version 4: asynchronous calls outlive the server, and with them the replies that their spawners may ask for again.

ALTER TABLE calls ADD COLUMN invocation_type INTEGER NOT NULL DEFAULT 0;  -- modal.client.FunctionCallInvocationType
ALTER TABLE calls ADD COLUMN done_at INTEGER;                             -- when its last input got its result
CREATE INDEX calls_by_app ON calls (app);
CREATE INDEX calls_unfinished ON calls (app) WHERE done_at IS NULL;
CREATE INDEX calls_by_end ON calls (done_at) WHERE done_at IS NOT NULL;

ALTER TABLE inputs ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;  -- containers that were lost under it
ALTER TABLE inputs ADD COLUMN position INTEGER;                 -- of its output among the call's; cursors of readers count so
CREATE INDEX inputs_unfinished ON inputs (call) WHERE done_at IS NULL;

-- First replies, by the caller, method and idempotency key.
CREATE TABLE replies (
  key          TEXT PRIMARY KEY,
  request_hash BLOB NOT NULL,
  reply        BLOB NOT NULL,
  at           INTEGER NOT NULL
) STRICT;
CREATE INDEX replies_by_age ON replies (at);

-- Deployed apps: their versions, and every definition that a function has had.
ALTER TABLE apps ADD COLUMN created_by TEXT NOT NULL DEFAULT '';     -- a principal
ALTER TABLE apps ADD COLUMN stopped_by TEXT NOT NULL DEFAULT '';
ALTER TABLE functions ADD COLUMN live INTEGER NOT NULL DEFAULT 1;    -- 0 = its app's last publish does not name it
ALTER TABLE functions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;  -- to this version of its app; 0 = it follows the app
ALTER TABLE classes ADD COLUMN live INTEGER NOT NULL DEFAULT 1;

CREATE TABLE definitions (
  id         TEXT PRIMARY KEY,
  function   TEXT NOT NULL REFERENCES functions(id),
  definition BLOB NOT NULL,  -- serialized modal.client.Function
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX definitions_by_function ON definitions (function);

CREATE TABLE deployments (
  app         TEXT NOT NULL REFERENCES apps(id),
  version     INTEGER NOT NULL,
  deployed_at INTEGER NOT NULL,
  deployed_by TEXT NOT NULL,  -- a principal
  publish     BLOB NOT NULL,  -- serialized modal.client.AppPublishRequest: names, ids, definitions
  PRIMARY KEY (app, version)
) STRICT;

CREATE TABLE app_tags (
  app   TEXT NOT NULL REFERENCES apps(id),
  key   TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (app, key)
) STRICT;
