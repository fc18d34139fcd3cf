-- Version 6: schedules of deployed functions.

CREATE TABLE schedules (
  function TEXT PRIMARY KEY REFERENCES functions(id),
  app      TEXT NOT NULL REFERENCES apps(id),
  schedule BLOB NOT NULL,     -- serialized modal.client.Schedule
  anchor   INTEGER NOT NULL,  -- from which a period counts: its last deployment
  next_at  INTEGER NOT NULL   -- moves on in the transaction that writes the run's call
) STRICT;
CREATE INDEX schedules_by_app ON schedules (app);

ALTER TABLE calls ADD COLUMN scheduled_at INTEGER;  -- of a schedule's run: when it was due
