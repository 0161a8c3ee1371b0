-- How many pushed events wait to be processed: the inbox has room for so many, and counting them at each commit would take the longer
-- the more they are.
CREATE TABLE inbox_count (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    waiting INTEGER NOT NULL CHECK (waiting >= 0)
) STRICT;

INSERT INTO inbox_count (one, waiting) SELECT 1, COUNT(*) FROM inbox WHERE settled_at IS NULL;

CREATE TRIGGER inbox_count_received AFTER INSERT ON inbox WHEN NEW.settled_at IS NULL
BEGIN
    UPDATE inbox_count SET waiting = waiting + 1;
END;

CREATE TRIGGER inbox_count_settled AFTER UPDATE OF settled_at ON inbox
    WHEN (OLD.settled_at IS NULL) <> (NEW.settled_at IS NULL)
BEGIN
    UPDATE inbox_count SET waiting = waiting + CASE WHEN NEW.settled_at IS NULL THEN 1 ELSE -1 END;
END;

CREATE TRIGGER inbox_count_removed AFTER DELETE ON inbox WHEN OLD.settled_at IS NULL
BEGIN
    UPDATE inbox_count SET waiting = waiting - 1;
END;
