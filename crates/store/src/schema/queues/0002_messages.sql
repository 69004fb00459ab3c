-- Where a message lies whose turn was changed since it was received: the receipt knows where it lay then. A row that is wrong or
-- missing makes a receipt old, and nothing else.
CREATE TABLE moved (
    entry_id  INTEGER PRIMARY KEY,
    due_at_ms INTEGER NOT NULL
);

-- What was sent to FIFO queues and topics in the last minutes: sending it again gives `value`, the answer of the first time.
CREATE TABLE deduplication (
    lane_id     INTEGER NOT NULL,
    key         TEXT NOT NULL,
    until_ms    INTEGER NOT NULL,
    value       BLOB NOT NULL,
    PRIMARY KEY (lane_id, key)
) WITHOUT ROWID;
CREATE INDEX deduplication_ends ON deduplication (until_ms);
