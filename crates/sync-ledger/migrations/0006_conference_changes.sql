-- Which of a conference's changes were told, by the numbers that Twilio gives them: where one is missing, a hold may be.
CREATE TABLE conference_change (
    acd INTEGER NOT NULL REFERENCES acd (id),
    conference TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (acd, conference, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX conference_change_at ON conference_change (at);
