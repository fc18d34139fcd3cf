-- Version 14: mounts of an environment by name, and when each was last asked for.

ALTER TABLE mounts ADD COLUMN environment TEXT NOT NULL DEFAULT '';  -- of a named one
ALTER TABLE mounts ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE mounts SET used_at = created_at;
