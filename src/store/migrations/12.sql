-- Version 12: replies are a log. What is written with every put and take goes to its end; an index by key would touch another page of the file for each.
-- A reply is looked for from the end: those that are asked for again are young.

CREATE TABLE kept_replies (
  number       INTEGER PRIMARY KEY,
  key          TEXT NOT NULL,
  at           INTEGER NOT NULL,
  request_hash BLOB NOT NULL,
  reply        BLOB NOT NULL
) STRICT;
INSERT INTO kept_replies (key, at, request_hash, reply) SELECT key, at, request_hash, reply FROM replies ORDER BY at;
DROP TABLE replies;
ALTER TABLE kept_replies RENAME TO replies;

-- Items without a reference that each insert would look up: who writes one has just found its partition.
CREATE TABLE items_of_queues (
  partition INTEGER NOT NULL,  -- of queue_partitions, with which they go
  number    INTEGER NOT NULL,
  value     BLOB NOT NULL,
  PRIMARY KEY (partition, number)
) STRICT, WITHOUT ROWID;
INSERT INTO items_of_queues SELECT partition, number, value FROM queue_items;
DROP TABLE queue_items;
ALTER TABLE items_of_queues RENAME TO queue_items;
