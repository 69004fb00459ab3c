-- Buckets of S3, unique across accounts. `document` is the JSON of the record.
CREATE TABLE s3_buckets (
    name       TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    document   BLOB NOT NULL
) WITHOUT ROWID;

-- One row per version of an object, and per delete marker. Keys are the bytes of their UTF-8, so that they sort as S3 sorts them.
-- Of a key the row with the highest sequence is the current one.
CREATE TABLE s3_objects (
    bucket     TEXT NOT NULL,
    key        BLOB NOT NULL,
    sequence   INTEGER NOT NULL,
    version_id TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    document   BLOB NOT NULL,
    PRIMARY KEY (bucket, key, sequence DESC)
) WITHOUT ROWID;

CREATE UNIQUE INDEX s3_objects_by_version ON s3_objects (bucket, key, version_id);
CREATE INDEX s3_objects_current ON s3_objects (bucket, key) WHERE is_current;

-- Multipart uploads that are neither completed nor aborted, and their parts.
CREATE TABLE s3_uploads (
    bucket    TEXT NOT NULL,
    key       BLOB NOT NULL,
    upload_id TEXT NOT NULL,
    document  BLOB NOT NULL,
    PRIMARY KEY (bucket, key, upload_id)
) WITHOUT ROWID;

CREATE TABLE s3_parts (
    upload_id TEXT NOT NULL,
    number    INTEGER NOT NULL,
    document  BLOB NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
