-- Limits of a job: NULL for one that has none, which then costs nothing. `ckey` (the concurrency group) has been there from the beginning.
-- The text holds keys and definitions (control-plane/jobs/limits-codec.ts): whoever owns the shard next must know them without the arguments.
ALTER TABLE job_pending ADD COLUMN limits text;
ALTER TABLE job_running ADD COLUMN limits text;
ALTER TABLE script_version ADD COLUMN limits jsonb;
