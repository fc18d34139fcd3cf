-- Version 8: volumes. Their trees are records; the bytes of files lie under volumes/, named by content.

CREATE TABLE volumes (
  id         TEXT PRIMARY KEY,    -- of objects
  fs_version INTEGER NOT NULL,    -- 1 or 2: which calls its clients use
  version    INTEGER NOT NULL,    -- of the tree; each change makes a new one
  entries    INTEGER NOT NULL     -- files, folders and links in it
) STRICT, WITHOUT ROWID;

CREATE TABLE volume_entries (
  volume  TEXT NOT NULL,
  path    TEXT NOT NULL,          -- a/b, without a slash at its ends
  parent  TEXT NOT NULL,          -- a; '' = the root
  kind    INTEGER NOT NULL,       -- 0 = removed in this version, 1 = file, 2 = folder, 3 = symbolic link
  mode    INTEGER NOT NULL,
  mtime   INTEGER NOT NULL,       -- nanoseconds
  size    INTEGER NOT NULL,
  content BLOB NOT NULL,          -- of a file: volume_contents; of a link: where it leads
  version INTEGER NOT NULL,       -- of the tree that first had it so
  PRIMARY KEY (volume, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX volume_entries_by_parent ON volume_entries (volume, parent, path);
CREATE INDEX volume_entries_by_version ON volume_entries (volume, version);
CREATE INDEX volume_entries_by_content ON volume_entries (content) WHERE kind = 1;

-- What a file may contain. Each workspace has its own: none learns what another has stored.
CREATE TABLE volume_contents (
  workspace TEXT NOT NULL,
  content   BLOB NOT NULL,        -- sha256 of the size and the blocks' hashes
  size      INTEGER NOT NULL,
  blocks    BLOB NOT NULL,        -- 32 bytes each: sha256 of 8 MiB less the zeros at its end
  sha256    TEXT NOT NULL,        -- hex, of the whole, where a client named it; else ''
  used_at   INTEGER NOT NULL,     -- nothing that refers to it may be older than an hour and unseen
  PRIMARY KEY (workspace, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX volume_contents_by_use ON volume_contents (used_at);
CREATE INDEX volume_contents_by_sha256 ON volume_contents (workspace, sha256) WHERE sha256 != '';

CREATE TABLE volume_blocks (
  workspace TEXT NOT NULL,
  block     BLOB NOT NULL,
  content   BLOB NOT NULL,        -- that has it
  number    INTEGER NOT NULL,     -- at this place
  PRIMARY KEY (workspace, block, content, number)
) STRICT, WITHOUT ROWID;

-- Files that a workspace has sent as a whole: it alone hears that they are there.
CREATE TABLE sent_files (
  workspace TEXT NOT NULL,
  sha256    TEXT NOT NULL,        -- hex
  PRIMARY KEY (workspace, sha256)
) STRICT, WITHOUT ROWID;
