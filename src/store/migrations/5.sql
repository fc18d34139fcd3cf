-- Version 5: dicts, queues, and secrets that have names.

-- What dicts and queues have in common.
CREATE TABLE objects (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL,             -- 'dict', 'queue'
  workspace   TEXT NOT NULL REFERENCES workspaces(id),
  environment TEXT NOT NULL REFERENCES environments(id),
  name        TEXT NOT NULL,             -- '' = ephemeral
  created_by  TEXT NOT NULL,             -- a user's or service user's name; '' = a container
  created_at  INTEGER NOT NULL,
  beat_at     INTEGER                    -- ephemeral ones: their client's last sign of life
) STRICT;
CREATE UNIQUE INDEX objects_by_name ON objects (environment, kind, name) WHERE name != '';
CREATE INDEX objects_by_age ON objects (environment, kind, created_at);
CREATE INDEX objects_by_beat ON objects (beat_at) WHERE beat_at IS NOT NULL;

CREATE TABLE dict_entries (
  number  INTEGER PRIMARY KEY,
  dict    TEXT NOT NULL REFERENCES objects(id),
  key     BLOB NOT NULL,
  used_at INTEGER NOT NULL,              -- within an hour
  value   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX dict_entries_by_key ON dict_entries (dict, key);
CREATE INDEX dict_entries_by_number ON dict_entries (dict);  -- and by number, as every index
CREATE INDEX dict_entries_by_use ON dict_entries (used_at);

CREATE TABLE queue_partitions (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  queue      TEXT NOT NULL REFERENCES objects(id),
  key        BLOB NOT NULL,
  next_item  INTEGER NOT NULL,
  items      INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX queue_partitions_by_key ON queue_partitions (queue, key);
CREATE INDEX queue_partitions_by_expiry ON queue_partitions (expires_at);

CREATE TABLE queue_items (
  partition INTEGER NOT NULL REFERENCES queue_partitions(number),
  number    INTEGER NOT NULL,
  value     BLOB NOT NULL,
  PRIMARY KEY (partition, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE secrets ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE secrets ADD COLUMN last_used_at INTEGER;
CREATE UNIQUE INDEX secrets_have_distinct_names ON secrets (environment, name) WHERE name != '';
