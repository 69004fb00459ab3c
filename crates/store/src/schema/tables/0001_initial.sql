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

-- Numbers of spaces are never used again. How much is in one is counted as it comes and goes.
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    items INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TRIGGER items_come AFTER INSERT ON items BEGIN
    UPDATE spaces SET items = items + 1, bytes = bytes + LENGTH(new.partition) + LENGTH(new.sort) + LENGTH(new.item)
    WHERE id = new.space;
END;
CREATE TRIGGER items_change AFTER UPDATE OF item ON items BEGIN
    UPDATE spaces SET bytes = bytes + LENGTH(new.item) - LENGTH(old.item) WHERE id = new.space;
END;
CREATE TRIGGER items_go AFTER DELETE ON items BEGIN
    UPDATE spaces SET items = items - 1, bytes = bytes - LENGTH(old.partition) - LENGTH(old.sort) - LENGTH(old.item)
    WHERE id = old.space;
END;

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
