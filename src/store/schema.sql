-- Version 1 of the database. Times are milliseconds since the epoch. A later version adds a file to migrations/.

CREATE TABLE workspaces (
  id                    TEXT PRIMARY KEY,
  name                  TEXT NOT NULL UNIQUE,
  image_builder_version TEXT NOT NULL DEFAULT '',  -- '' = the server's default
  created_at            INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
  id                    TEXT PRIMARY KEY,
  workspace             TEXT NOT NULL REFERENCES workspaces(id),
  name                  TEXT NOT NULL,
  web_suffix            TEXT NOT NULL,
  image_builder_version TEXT NOT NULL DEFAULT '',  -- '' = the workspace's
  is_default            INTEGER NOT NULL DEFAULT 0,
  restricted            INTEGER NOT NULL DEFAULT 0,  -- members have default_role and no more, unless given one
  default_role          TEXT NOT NULL DEFAULT 'contributor',
  created_at            INTEGER NOT NULL,
  UNIQUE (workspace, name)
) STRICT;

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  email         TEXT UNIQUE,               -- by which the user signs in
  password_hash TEXT NOT NULL DEFAULT '',  -- Argon2id; '' = cannot sign in
  created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
  workspace  TEXT NOT NULL REFERENCES workspaces(id),
  user       TEXT NOT NULL REFERENCES users(id),
  role       TEXT NOT NULL,  -- owner, manager, member
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace, user)
) STRICT;

CREATE TABLE service_users (
  id         TEXT PRIMARY KEY,
  workspace  TEXT NOT NULL REFERENCES workspaces(id),
  name       TEXT NOT NULL,
  created_by TEXT NOT NULL,  -- a user
  created_at INTEGER NOT NULL,
  UNIQUE (workspace, name)
) STRICT;

-- Roles in one environment: of users, and of service users.
CREATE TABLE environment_roles (
  environment TEXT NOT NULL REFERENCES environments(id),
  principal   TEXT NOT NULL,
  role        TEXT NOT NULL,  -- contributor, viewer, no-access
  PRIMARY KEY (environment, principal)
) STRICT;

CREATE TABLE tokens (
  id           TEXT PRIMARY KEY,
  workspace    TEXT NOT NULL REFERENCES workspaces(id),
  principal    TEXT NOT NULL,  -- a user (us-) or a service user (sv-)
  name         TEXT NOT NULL,
  secret_hash  BLOB NOT NULL,  -- keyed; the secret itself is stored nowhere
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  disabled_at  INTEGER,
  revoked_at   INTEGER,
  last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_by_workspace ON tokens (workspace, created_at);

-- Tokens of web endpoints' callers (Modal-Key, Modal-Secret).
CREATE TABLE proxy_tokens (
  id          TEXT PRIMARY KEY,
  workspace   TEXT NOT NULL REFERENCES workspaces(id),
  name        TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  scoped      INTEGER NOT NULL,  -- 1 = only in the environments that it was added to
  created_by  TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE proxy_token_environments (
  token       TEXT NOT NULL REFERENCES proxy_tokens(id) ON DELETE CASCADE,
  environment TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  PRIMARY KEY (token, environment)
) STRICT;

-- Every change of identity or access. Only ever appended to.
CREATE TABLE audit (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  at        INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  actor     TEXT NOT NULL,  -- a user, a service user, or "owner" on the machine itself
  token     TEXT NOT NULL,  -- by which it acted; "" = none
  source    TEXT NOT NULL,  -- address
  action    TEXT NOT NULL,  -- "token.create"
  target    TEXT NOT NULL,
  detail    TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_workspace ON audit (workspace, number);

CREATE TABLE apps (
  id          TEXT PRIMARY KEY,
  workspace   TEXT NOT NULL REFERENCES workspaces(id),
  environment TEXT NOT NULL REFERENCES environments(id),
  name        TEXT NOT NULL DEFAULT '',  -- '' = not deployed under a name
  description TEXT NOT NULL,
  state       INTEGER NOT NULL,  -- modal.client.AppState
  created_at  INTEGER NOT NULL,
  stopped_at  INTEGER
) STRICT;
CREATE INDEX apps_by_environment ON apps (environment, name);

CREATE TABLE functions (
  id            TEXT PRIMARY KEY,
  app           TEXT NOT NULL REFERENCES apps(id),
  tag           TEXT NOT NULL,
  definition_id TEXT NOT NULL DEFAULT '',    -- '' = only announced so far (FunctionPrecreate)
  definition    BLOB NOT NULL DEFAULT x'',   -- serialized modal.client.Function
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX functions_by_app ON functions (app, tag);

CREATE TABLE classes (
  id         TEXT PRIMARY KEY,
  app        TEXT NOT NULL REFERENCES apps(id),
  tag        TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX classes_by_app ON classes (app, tag);

CREATE TABLE images (
  id         TEXT PRIMARY KEY,
  workspace  TEXT NOT NULL REFERENCES workspaces(id),
  recipe     TEXT NOT NULL,                -- hash of the image message and the builder version
  state      INTEGER NOT NULL,             -- 0 building, 1 built, 2 failed
  error      TEXT NOT NULL DEFAULT '',
  built      TEXT NOT NULL DEFAULT '',     -- layers and configuration as JSON
  cached     INTEGER NOT NULL DEFAULT 1,   -- whether a later identical recipe may find it
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX images_by_recipe ON images (workspace, recipe);

CREATE TABLE mounts (
  id         TEXT PRIMARY KEY,
  workspace  TEXT NOT NULL,                -- '' = global, shared by all
  name       TEXT NOT NULL DEFAULT '',     -- '' = anonymous
  checksum   TEXT NOT NULL,                -- of the list of files
  files      BLOB NOT NULL,                -- serialized modal.client.MountGetOrCreateRequest, files only
  tree       TEXT NOT NULL DEFAULT '',     -- folder of a mount that the server made itself
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mounts_by_checksum ON mounts (workspace, checksum);
CREATE INDEX mounts_by_name ON mounts (workspace, name);

CREATE TABLE secrets (
  id          TEXT PRIMARY KEY,
  workspace   TEXT NOT NULL REFERENCES workspaces(id),
  environment TEXT NOT NULL,
  name        TEXT NOT NULL DEFAULT '',  -- '' = anonymous
  app         TEXT NOT NULL DEFAULT '',
  sealed      BLOB NOT NULL,             -- the variables, encrypted with the key file
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX secrets_by_name ON secrets (environment, name);

CREATE TABLE blobs (
  id         TEXT PRIMARY KEY,
  workspace  TEXT NOT NULL REFERENCES workspaces(id),
  sha256     TEXT NOT NULL,
  length     INTEGER NOT NULL,
  present    INTEGER NOT NULL DEFAULT 0,  -- 1 once the bytes have arrived and were checked
  created_at INTEGER NOT NULL
) STRICT;

-- Asynchronous calls: what was acknowledged to a spawner, and its results.
CREATE TABLE calls (
  id           TEXT PRIMARY KEY,
  function     TEXT NOT NULL,
  app          TEXT NOT NULL,
  workspace    TEXT NOT NULL,
  parent_input TEXT NOT NULL,
  type         INTEGER NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE inputs (
  id       TEXT PRIMARY KEY,
  call     TEXT NOT NULL REFERENCES calls(id),
  idx      INTEGER NOT NULL,
  input    BLOB NOT NULL,               -- serialized modal.client.FunctionInput
  retries  INTEGER NOT NULL DEFAULT 0,
  output   BLOB,                        -- serialized modal.client.FunctionGetOutputsItem once done
  done_at  INTEGER
) STRICT;
CREATE INDEX inputs_by_call ON inputs (call, idx);
