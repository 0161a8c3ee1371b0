-- History for workforce management. Of each interval what was put into a batch last.
CREATE TABLE interval_value (
    acd INTEGER NOT NULL REFERENCES acd (id),
    -- 1: agents' productivity, 2: queues' history.
    report INTEGER NOT NULL,
    -- The interval's number.
    number INTEGER NOT NULL,
    -- Empty in the report of queues.
    agent TEXT NOT NULL,
    -- Empty for the service queue.
    queue TEXT NOT NULL,
    amounts BLOB NOT NULL,
    PRIMARY KEY (acd, report, number, agent, queue)
) STRICT, WITHOUT ROWID;

CREATE TABLE interval_batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    report INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Its newest interval.
    newest INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX interval_batch_waiting ON interval_batch (acd, report, id) WHERE waiting > 0;
CREATE INDEX interval_batch_newest ON interval_batch (newest);

-- Rows that wait, were refused, are in doubt, or lie in a file of which it is not known what became of it. Others are gone.
CREATE TABLE interval_row (
    batch INTEGER NOT NULL REFERENCES interval_batch (id),
    place INTEGER NOT NULL,
    number INTEGER NOT NULL,
    agent TEXT NOT NULL,
    queue TEXT NOT NULL,
    amounts BLOB NOT NULL,
    ambiguous INTEGER NOT NULL,
    -- 1: new, 2: changed, 3: gone.
    happened INTEGER NOT NULL,
    amounts_before BLOB,
    -- 1: waiting, 2: delivered, 3: refused, 4: in doubt.
    state INTEGER NOT NULL DEFAULT 1,
    reason TEXT,
    file TEXT,
    settled_at INTEGER,
    PRIMARY KEY (batch, place),
    CHECK ((happened = 1) = (amounts_before IS NULL)),
    CHECK ((state = 1) = (settled_at IS NULL)),
    CHECK ((state >= 3) = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX interval_row_troubled ON interval_row (settled_at) WHERE state >= 3;
CREATE INDEX interval_row_file ON interval_row (batch, file) WHERE file IS NOT NULL;

CREATE TABLE interval_file (
    batch INTEGER NOT NULL REFERENCES interval_batch (id),
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (batch, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE held_pull (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    report INTEGER NOT NULL,
    at INTEGER NOT NULL,
    held_rows INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE held_interval (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    report INTEGER NOT NULL,
    pull INTEGER NOT NULL REFERENCES held_pull (id),
    -- Names it for its seal.
    mark TEXT NOT NULL,
    number INTEGER NOT NULL,
    amounts BLOB NOT NULL,
    ambiguous INTEGER NOT NULL,
    -- Of whom it is, with names.
    who BLOB,
    who_seal TEXT
) STRICT;

CREATE INDEX held_interval_report ON held_interval (acd, report, number);
CREATE INDEX held_interval_pull ON held_interval (pull);
CREATE INDEX held_interval_who_seal ON held_interval (who_seal) WHERE who_seal IS NOT NULL;

CREATE TABLE history_pull (
    acd INTEGER NOT NULL REFERENCES acd (id),
    report INTEGER NOT NULL,
    at INTEGER NOT NULL,
    newest INTEGER,
    account TEXT NOT NULL,
    PRIMARY KEY (acd, report, at)
) STRICT, WITHOUT ROWID;

-- Agents and queues, as they were last seen.
CREATE TABLE subject (
    id INTEGER PRIMARY KEY,
    acd INTEGER NOT NULL REFERENCES acd (id),
    -- 1: an agent, 2: a queue.
    kind INTEGER NOT NULL,
    sid TEXT NOT NULL,
    -- What it is called and was called.
    names BLOB,
    names_seal TEXT,
    active INTEGER NOT NULL,
    version INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    told INTEGER,
    refused TEXT,
    UNIQUE (acd, kind, sid)
) STRICT;

CREATE INDEX subject_names_seal ON subject (names_seal) WHERE names_seal IS NOT NULL;
