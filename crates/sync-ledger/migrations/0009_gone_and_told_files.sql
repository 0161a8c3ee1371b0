-- When a list first showed it no more; NULL while it is active.
ALTER TABLE subject ADD COLUMN gone INTEGER;
UPDATE subject SET gone = last_seen WHERE active = 0;
-- In which file Calabrio was told of it, while it is not known what became of that file; when; and what Calabrio had been told before.
ALTER TABLE subject ADD COLUMN file TEXT;
ALTER TABLE subject ADD COLUMN filed_at INTEGER;
ALTER TABLE subject ADD COLUMN told_before INTEGER;
