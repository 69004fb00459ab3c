-- When something is due next that comes again: schedules. `since_ms` tells one of the same name that was made anew.
CREATE TABLE appointments (
    name      TEXT PRIMARY KEY,
    since_ms  INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL,
    checksum  INTEGER NOT NULL
) WITHOUT ROWID;
