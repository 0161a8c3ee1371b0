-- When an attempt to deliver the batch began of which nobody told how it ended.
ALTER TABLE interval_batch ADD COLUMN begun INTEGER;
