-- Version 15: a container that has ended is found by its id, also one that ended with the server.

CREATE INDEX ended_containers_by_task ON ended_containers (task);

-- Those that lived when somebody looked last.
CREATE TABLE live_containers (
  task     TEXT PRIMARY KEY,
  function TEXT NOT NULL,
  created  INTEGER NOT NULL,  -- microseconds
  ready    INTEGER            -- null: not yet
) STRICT;
