-- How far each shard of a stream is read for a mapping, lane by lane; lane -1 is what is known of the shard as a whole.
CREATE TABLE checkpoints (
    mapping  TEXT NOT NULL,
    shard    TEXT NOT NULL,
    lane     INTEGER NOT NULL,
    state    BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (mapping, shard, lane)
) WITHOUT ROWID;
