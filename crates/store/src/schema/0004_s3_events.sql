-- What happened to objects and has not been handed over yet. Ids are never given twice: the sequence of a key's events is made of them.
CREATE TABLE s3_events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    document BLOB NOT NULL,
    checksum BLOB NOT NULL
);

-- Rows of the table above that were found damaged, as they were found.
CREATE TABLE quarantined_s3_events (
    id       INTEGER NOT NULL,
    document BLOB NOT NULL,
    checksum BLOB NOT NULL
);
