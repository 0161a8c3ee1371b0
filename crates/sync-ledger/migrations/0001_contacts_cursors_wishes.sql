-- Times are milliseconds since 1970 UTC. Only `contact.details` holds customer data, and it is sealed where a key is configured.

CREATE TABLE acd (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    workspace TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- A label and nothing more: renaming an ACD changes nothing else.
    name TEXT NOT NULL,
    -- The turn in which it was last served; the one that has waited longest is served first.
    served INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, workspace, tenant)
) STRICT;

CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    acd INTEGER NOT NULL REFERENCES acd (id),
    leg TEXT NOT NULL,
    session TEXT NOT NULL,
    worker TEXT NOT NULL,
    -- What happened to the leg last, for lists and time ranges.
    happened_at INTEGER NOT NULL,
    leg_json TEXT NOT NULL,
    stage TEXT NOT NULL,
    -- The kind of park reason, the failure reason or the rule that excluded it; null in every other stage.
    reason TEXT,
    stage_json TEXT NOT NULL,
    stage_since INTEGER NOT NULL,
    discovered_at INTEGER NOT NULL,
    finished_at INTEGER,
    version INTEGER NOT NULL,
    -- When it wants attention next; null if it wants none.
    due_at INTEGER,
    lease_until INTEGER,
    attempts INTEGER NOT NULL,
    backoff INTEGER NOT NULL,
    -- Null: never had any, or dropped (then details_dropped_at says when).
    details BLOB,
    -- 'clear', or the id of the key that the details are sealed under.
    details_seal TEXT,
    details_dropped_at INTEGER,
    UNIQUE (acd, leg),
    CHECK ((details IS NULL) = (details_seal IS NULL)),
    -- A contact on its way is never forgotten.
    CHECK (due_at IS NOT NULL OR stage IN ('complete', 'failed', 'parked', 'excluded'))
) STRICT;

CREATE INDEX contact_due ON contact (acd, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX contact_leased ON contact (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX contact_session ON contact (acd, session);
CREATE INDEX contact_stage ON contact (stage, reason, acd, stage_since);
CREATE INDEX contact_happened ON contact (happened_at, id);
CREATE INDEX contact_worker ON contact (worker, happened_at);
CREATE INDEX contact_details_to_drop ON contact (finished_at) WHERE details IS NOT NULL AND finished_at IS NOT NULL;
CREATE INDEX contact_to_prune ON contact (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX contact_seal ON contact (details_seal) WHERE details_seal IS NOT NULL;

CREATE TABLE transition (
    id INTEGER PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    reason TEXT,
    at INTEGER NOT NULL,
    note TEXT
) STRICT;

CREATE INDEX transition_contact ON transition (contact, id);

CREATE TABLE contact_recording (
    recording TEXT NOT NULL,
    contact INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    PRIMARY KEY (recording, contact)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_recording_contact ON contact_recording (contact);

CREATE TABLE cursor (
    acd INTEGER NOT NULL REFERENCES acd (id),
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (acd, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE backfill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    range_from INTEGER NOT NULL,
    range_to INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    legs_new INTEGER NOT NULL DEFAULT 0,
    legs_known INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    CHECK (range_from < range_to AND position BETWEEN range_from AND range_to)
) STRICT;

CREATE INDEX backfill_state ON backfill (state, id);

CREATE TABLE wish (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wish_json TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lease_until INTEGER,
    claims INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER,
    outcome TEXT
) STRICT;

CREATE INDEX wish_state ON wish (state, id);
