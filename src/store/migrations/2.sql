-- Version 2: tokens that may do less than their owners and that rotate; invitations and password links.

ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT '';      -- 'member', 'viewer'; '' = all that its owner may
ALTER TABLE tokens ADD COLUMN scoped INTEGER NOT NULL DEFAULT 0;  -- 1 = only in the environments that it was given
ALTER TABLE tokens ADD COLUMN former_hash BLOB;                   -- of the secret before the last rotation
ALTER TABLE tokens ADD COLUMN former_until INTEGER;               -- until when that one still holds
ALTER TABLE tokens ADD COLUMN last_address TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN revoked_by TEXT NOT NULL DEFAULT '';  -- a principal
CREATE INDEX tokens_by_principal ON tokens (principal);

CREATE TABLE token_environments (
  token       TEXT NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
  environment TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  PRIMARY KEY (token, environment)
) STRICT;

ALTER TABLE users ADD COLUMN theme TEXT NOT NULL DEFAULT '';  -- 'light', 'dark'; '' = as the browser says
ALTER TABLE proxy_tokens ADD COLUMN last_used_at INTEGER;

-- One-time links that are passed on by people: invitations, and new passwords.
CREATE TABLE links (
  id           TEXT PRIMARY KEY,
  key_hash     BLOB NOT NULL UNIQUE,  -- keyed; the key itself is stored nowhere
  kind         TEXT NOT NULL,         -- 'invitation', 'password'
  workspace    TEXT NOT NULL REFERENCES workspaces(id),
  email        TEXT NOT NULL,         -- whom it is for
  role         TEXT NOT NULL DEFAULT '',  -- that the invited gets
  created_by   TEXT NOT NULL,         -- a user, or 'owner' on the machine itself
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  used_at      INTEGER,
  withdrawn_at INTEGER
) STRICT;
CREATE INDEX links_by_workspace ON links (workspace, created_at);

-- Keys that sign the tokens of AuthTokenGet. The former one verifies until its last token has expired.
CREATE TABLE signing_keys (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  sealed     BLOB NOT NULL,  -- encrypted with the key file
  created_at INTEGER NOT NULL
) STRICT;
