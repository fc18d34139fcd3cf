-- Version 7: what update_autoscaler has set, until the next deployment.

CREATE TABLE autoscaler_overrides (
  function TEXT NOT NULL,     -- or a variant
  setting  TEXT NOT NULL,     -- as modal.client.AutoscalerSettings names it
  value    INTEGER NOT NULL,
  set_by   TEXT NOT NULL,     -- a principal; '' = a container
  set_at   INTEGER NOT NULL,
  PRIMARY KEY (function, setting)
) STRICT, WITHOUT ROWID;

CREATE INDEX variants_by_age ON function_variants (base, created_at, id);
