-- Functions: one row per version. `document` is the JSON of the record, `checksum` its SHA-256, so that damage is found.
CREATE TABLE functions (
    account_id TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    document   BLOB NOT NULL,
    checksum   BLOB NOT NULL,
    UNIQUE (account_id, region, name, version)
);

-- Rows of the table above that were found damaged, as they were found.
CREATE TABLE quarantine (
    account_id TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    document   BLOB NOT NULL,
    checksum   BLOB NOT NULL
);
