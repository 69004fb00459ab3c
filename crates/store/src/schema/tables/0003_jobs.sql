-- Imports and exports of tables by their ARNs: what was asked for, and how far it is.
CREATE TABLE jobs (arn TEXT PRIMARY KEY, description BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
