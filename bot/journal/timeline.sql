-- The timeline's tables, in SQL that SQLite and PostgreSQL both take.
CREATE TABLE IF NOT EXISTS facts (
    seq         INTEGER PRIMARY KEY,  -- 1, 2, 3, ... without a gap, over all streams
    stream      TEXT    NOT NULL,     -- an incident's id, or integration/NAME
    version     INTEGER NOT NULL,     -- 1, 2, 3, ... without a gap, within the stream
    kind        TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    at          TEXT    NOT NULL,     -- when it happened: ISO 8601, UTC, microseconds
    recorded_at TEXT    NOT NULL,     -- when it was written here
    key         TEXT,                 -- a second fact with the same key is the first one again
    data        TEXT    NOT NULL,     -- the fact as JSON
    hash        TEXT    NOT NULL,     -- SHA-256 over the hash before it and all columns
    UNIQUE (stream, version),
    UNIQUE (key)
);
CREATE TABLE IF NOT EXISTS leader (
    term  TEXT PRIMARY KEY CHECK (term = 'current'),
    epoch INTEGER NOT NULL            -- raised by one by each process that comes to lead
);
INSERT INTO leader (term, epoch) SELECT 'current', 0 WHERE NOT EXISTS (SELECT 1 FROM leader);
