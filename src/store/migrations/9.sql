-- Version 9: what became of inputs and containers, for statistics. Kept for a week, and so many of
-- each at most; the oldest go first.

CREATE TABLE finished_inputs (
  number   INTEGER PRIMARY KEY,  -- by order of end
  function TEXT NOT NULL,        -- or a variant of one
  call     TEXT NOT NULL,
  task     TEXT NOT NULL,        -- that ran it last; '' = none did
  method   TEXT NOT NULL,        -- of a class
  outcome  INTEGER NOT NULL,     -- modal.client.GenericResult.GenericStatus
  enqueued INTEGER NOT NULL,     -- this and the times below: microseconds
  started  INTEGER,
  startup  INTEGER,              -- how long its container took to start, if the input waited for that
  done     INTEGER NOT NULL
) STRICT;
CREATE INDEX finished_inputs_by_arrival ON finished_inputs (function, enqueued);
CREATE INDEX finished_inputs_by_end ON finished_inputs (function, done);

CREATE TABLE ended_containers (
  number   INTEGER PRIMARY KEY,  -- by order of end
  function TEXT NOT NULL,
  task     TEXT NOT NULL,
  created  INTEGER NOT NULL,     -- microseconds
  ready    INTEGER,              -- null: never
  ended    INTEGER NOT NULL,
  failed   INTEGER NOT NULL      -- 1 = by an error of its own
) STRICT;
CREATE INDEX ended_containers_by_end ON ended_containers (function, ended);
