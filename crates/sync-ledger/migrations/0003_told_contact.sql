-- With which of Calabrio's ids a leg was last told; 0 if it had none, null if nothing was told or nobody knows any more.
ALTER TABLE contact ADD COLUMN told_ccr INTEGER;

-- A contact that is complete was told with the id that it has. Of others an earlier release kept no id: the next one that is
-- heard of is taken for it.
UPDATE contact SET told_ccr = stage_json ->> '$.ccr'
WHERE told IS NOT NULL AND stage = 'complete' AND json_valid(stage_json) AND json_type(stage_json, '$.ccr') = 'integer';
