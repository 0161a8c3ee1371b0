-- What is told outside, what is pushed in, which messages of a conversation are whose, what is deleted at the source, what was
-- seen of hold, what was found out about a tenant, what reconciling found. Bytes that may hold a customer's data are sealed
-- where a key is configured: `outbox.body`, `outbox.answer`, `inbox.payload`; their `_seal` is 'clear' or the id of the key.

-- What was last told outside, as JSON; null if nothing ever was.
ALTER TABLE contact ADD COLUMN told TEXT;
-- What a contact on its way waits for, or what failed last, in words without customer data; null if nothing keeps it.
ALTER TABLE contact ADD COLUMN waits_for TEXT;
-- Set once everything here about the leg was erased on request. The row keeps the leg from being imported again.
ALTER TABLE contact ADD COLUMN forgotten_at INTEGER;

CREATE TABLE endpoint (
    acd INTEGER PRIMARY KEY REFERENCES acd (id) ON DELETE CASCADE,
    failing_since INTEGER,
    last_failure INTEGER,
    last_success INTEGER,
    disabled_at INTEGER,
    disabled_reason TEXT,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
) STRICT;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL UNIQUE,
    acd INTEGER NOT NULL REFERENCES acd (id),
    leg TEXT NOT NULL,
    status_json TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Null unless it is the oldest pending message of its leg: a later one waits for it.
    due_at INTEGER,
    lease_until INTEGER,
    claims INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempt_at INTEGER,
    attempt_ms INTEGER,
    attempt_status INTEGER,
    attempt_failure TEXT,
    attempt_reason TEXT,
    settled_at INTEGER,
    body BLOB,
    body_seal TEXT,
    answer BLOB,
    answer_seal TEXT,
    CHECK (state IN ('pending', 'delivered', 'exhausted', 'erased')),
    CHECK ((state = 'pending') = (settled_at IS NULL)),
    CHECK (due_at IS NULL OR state = 'pending'),
    CHECK ((body IS NULL) = (body_seal IS NULL)),
    CHECK (body IS NOT NULL OR state IN ('delivered', 'erased')),
    CHECK ((answer IS NULL) = (answer_seal IS NULL))
) STRICT;

CREATE INDEX outbox_due ON outbox (acd, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_leased ON outbox (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX outbox_leg ON outbox (acd, leg, id);
CREATE INDEX outbox_state ON outbox (acd, state, created_at);
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_answer_to_drop ON outbox (settled_at) WHERE answer IS NOT NULL AND settled_at IS NOT NULL;
CREATE INDEX outbox_body_seal ON outbox (body_seal) WHERE body_seal IS NOT NULL;
CREATE INDEX outbox_answer_seal ON outbox (answer_seal) WHERE answer_seal IS NOT NULL;

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    form TEXT NOT NULL,
    happened_at INTEGER,
    received_at INTEGER NOT NULL,
    lease_until INTEGER,
    claims INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER,
    -- Null once it is settled: the id alone is remembered then.
    payload BLOB,
    payload_seal TEXT,
    UNIQUE (acd, event),
    CHECK ((payload IS NULL) = (payload_seal IS NULL)),
    CHECK ((payload IS NULL) = (settled_at IS NOT NULL))
) STRICT;

CREATE INDEX inbox_waiting ON inbox (id) WHERE settled_at IS NULL;
CREATE INDEX inbox_leased ON inbox (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX inbox_settled ON inbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX inbox_payload_seal ON inbox (payload_seal) WHERE payload_seal IS NOT NULL;

-- Which messages of a conversation a contact has, half open by their index.
CREATE TABLE transcript_claim (
    contact INTEGER PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    acd INTEGER NOT NULL,
    conversation TEXT NOT NULL,
    range_from INTEGER NOT NULL,
    range_to INTEGER NOT NULL
) STRICT;

CREATE INDEX transcript_claim_conversation ON transcript_claim (acd, conversation, range_from);

CREATE TABLE source_deletion (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    recording TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    complete_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- When it is looked at again; null if never.
    next_at INTEGER,
    UNIQUE (acd, recording),
    CHECK (state IN ('waiting', 'blocked', 'requested', 'deleted', 'failed'))
) STRICT;

CREATE INDEX source_deletion_next ON source_deletion (acd, next_at, complete_at) WHERE next_at IS NOT NULL;
CREATE INDEX source_deletion_state ON source_deletion (acd, state, reason, changed_at);
CREATE INDEX source_deletion_changed ON source_deletion (changed_at);
CREATE INDEX source_deletion_recording ON source_deletion (recording);

-- Contacts that were complete before this table was there. A stage that cannot be read has no recordings.
INSERT INTO source_deletion (acd, recording, state, complete_at, changed_at, next_at)
SELECT c.acd, piece.value ->> '$.recording', 'waiting', MAX(c.stage_since), MAX(c.stage_since), MIN(c.stage_since)
FROM contact c,
    json_each(CASE WHEN json_valid(c.stage_json) THEN c.stage_json ELSE '{}' END, '$.media.pieces') AS piece
WHERE c.stage = 'complete' AND piece.value ->> '$.recording' IS NOT NULL
GROUP BY c.acd, piece.value ->> '$.recording';

CREATE TABLE hold_note (
    acd INTEGER NOT NULL REFERENCES acd (id),
    conference TEXT NOT NULL,
    at INTEGER NOT NULL,
    call TEXT NOT NULL,
    held INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (acd, conference, at, call, held)
) STRICT, WITHOUT ROWID;

CREATE INDEX hold_note_at ON hold_note (at);
CREATE INDEX hold_note_call ON hold_note (acd, call);

CREATE TABLE tenant_fact (
    acd INTEGER NOT NULL REFERENCES acd (id),
    assumption INTEGER NOT NULL,
    held INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (acd, assumption)
) STRICT, WITHOUT ROWID;

CREATE TABLE reconciliation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acd INTEGER NOT NULL REFERENCES acd (id),
    range_from INTEGER NOT NULL,
    range_to INTEGER NOT NULL,
    at INTEGER NOT NULL,
    totals_json TEXT NOT NULL,
    unexplained INTEGER NOT NULL
) STRICT;

CREATE INDEX reconciliation_acd ON reconciliation (acd, id);
