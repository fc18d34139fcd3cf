-- Version 13: an input whose caller wants no result does not run again in the next life.

ALTER TABLE inputs ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
