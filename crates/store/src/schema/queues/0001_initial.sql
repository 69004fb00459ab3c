-- What waits for something: events for functions, records for destinations. A lane is the line of what waits for the same one.
CREATE TABLE lanes (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- What waits, as it was accepted; numbered in that order. `lane` is the name of its lane, so that no damage of that table can send it
-- elsewhere; `header` is JSON, `checksum` the CRC-32 of all the rest.
CREATE TABLE entries (
    id       INTEGER PRIMARY KEY,
    lane     TEXT NOT NULL,
    header   BLOB NOT NULL,
    body     BLOB NOT NULL,
    checksum INTEGER NOT NULL
);

-- When each entry's turn comes, Unix time in milliseconds, and what became of it so far (JSON). One row per entry.
CREATE TABLE schedule (
    lane_id   INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL,
    entry_id  INTEGER NOT NULL,
    state     TEXT NOT NULL,
    checksum  INTEGER NOT NULL,
    PRIMARY KEY (lane_id, due_at_ms, entry_id)
) WITHOUT ROWID;

-- Entries that were found damaged, as they were found.
CREATE TABLE quarantine (
    id       INTEGER,
    lane     TEXT,
    header   BLOB,
    body     BLOB,
    checksum INTEGER
);
