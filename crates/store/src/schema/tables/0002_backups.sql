-- Backups of tables by their ARNs, also of tables that are gone. What was in a table is in spaces of the backup's own.
CREATE TABLE backups (arn TEXT PRIMARY KEY, description BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
