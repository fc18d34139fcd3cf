-- Version 11: blobs that nobody needs any more are found by age, and their bytes by whether anything else names them.

CREATE INDEX blobs_by_age ON blobs (workspace, created_at);
CREATE INDEX blobs_by_sha256 ON blobs (sha256);
CREATE INDEX sent_files_by_sha256 ON sent_files (sha256);
