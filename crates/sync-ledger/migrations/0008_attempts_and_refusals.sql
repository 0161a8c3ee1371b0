-- When an attempt to deliver the batch began of which nobody told how it ended.
ALTER TABLE interval_batch ADD COLUMN begun INTEGER;

-- In which batch its values are.
ALTER TABLE interval_value ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
-- Whether those were refused, and what Calabrio has of the interval then; NULL where it has nothing.
ALTER TABLE interval_value ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE interval_value ADD COLUMN arrived BLOB;

-- Why a report cannot be pulled, until a pull is whole again.
CREATE TABLE failed_pull (
    acd INTEGER NOT NULL REFERENCES acd (id),
    report INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last INTEGER NOT NULL,
    pulls INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (acd, report)
) STRICT, WITHOUT ROWID;
