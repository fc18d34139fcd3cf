-- Version 3: variants of functions, by the parameters of a class's instance or by options.

CREATE TABLE function_variants (
  id         TEXT PRIMARY KEY,
  base       TEXT NOT NULL REFERENCES functions(id) ON DELETE CASCADE,
  key        TEXT NOT NULL,  -- a hash of params and options: the same ask gets the same variant
  params     BLOB NOT NULL,  -- of the instance, as its container gets them
  options    BLOB NOT NULL,  -- serialized modal.client.FunctionOptions; empty = none
  created_at INTEGER NOT NULL,
  UNIQUE (base, key)
) STRICT;
