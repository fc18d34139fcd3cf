-- Version 16: an input that waits for its next attempt waits on after a restart.

ALTER TABLE inputs ADD COLUMN next_attempt INTEGER;  -- microseconds; null: at once
