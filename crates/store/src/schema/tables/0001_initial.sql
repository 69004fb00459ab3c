-- Tables, as the service describes them. What names one is its place; what is in it goes by its number.
CREATE TABLE tables (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (account_id, region, name)
);

-- Items of a table, and entries of an index: each has a space of its own. Rows of a partition are in the order of `sort`.
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    partition BLOB NOT NULL,
    sort BLOB NOT NULL,
    item BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (space, partition, sort)
);

-- Numbers of spaces are never used again.
CREATE TABLE spaces (id INTEGER PRIMARY KEY AUTOINCREMENT);

-- Requests that are done once, however often they are sent.
CREATE TABLE tokens (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    token TEXT NOT NULL,
    request BLOB NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, region, token)
) WITHOUT ROWID;
CREATE INDEX tokens_by_time ON tokens (until_ms);

-- Streams by their ARNs, also those of tables that are gone.
CREATE TABLE streams (arn TEXT PRIMARY KEY, description BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
