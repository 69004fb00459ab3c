-- What is not a function: one row per resource. `document` is its JSON, `checksum` the SHA-256 of that.
-- `parent` is what it belongs to (a function, a layer, a role, ...), `code` the package that it keeps, if it keeps one.
CREATE TABLE documents (
    kind       TEXT NOT NULL,
    account_id TEXT NOT NULL,
    region     TEXT NOT NULL,
    parent     TEXT NOT NULL,
    name       TEXT NOT NULL,
    document   BLOB NOT NULL,
    checksum   BLOB NOT NULL,
    code       TEXT,
    UNIQUE (kind, account_id, region, parent, name)
);

CREATE INDEX documents_with_code ON documents (code) WHERE code IS NOT NULL;

-- Rows of the table above that were found damaged, as they were found.
CREATE TABLE quarantined_documents (
    kind       TEXT NOT NULL,
    account_id TEXT NOT NULL,
    region     TEXT NOT NULL,
    parent     TEXT NOT NULL,
    name       TEXT NOT NULL,
    document   BLOB NOT NULL,
    checksum   BLOB NOT NULL,
    code       TEXT
);
