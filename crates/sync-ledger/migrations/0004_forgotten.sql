-- Legs that were forgotten on request, known or not: for as long as the ACD is there, since Twilio may tell of them for years.
CREATE TABLE forgotten (
    acd INTEGER NOT NULL REFERENCES acd (id),
    leg TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (acd, leg)
) STRICT, WITHOUT ROWID;

INSERT INTO forgotten (acd, leg, at) SELECT acd, leg, forgotten_at FROM contact WHERE forgotten_at IS NOT NULL;
