-- What a script asks of the place where it runs, as the API says it. NULL: nothing.
ALTER TABLE script_version ADD COLUMN requirements jsonb;

-- What a version of a script depends on, with fixed versions. One row per version that may depend on anything; the version itself stays as it is.
-- state: 0 pending, 1 ready, 2 failed. `round` counts how often it was asked for: the key of its job. A ready row never changes.
CREATE TABLE script_lock (
  workspace_id bigint NOT NULL,
  hash         text NOT NULL,
  state        smallint NOT NULL,
  round        integer NOT NULL DEFAULT 1,
  -- The job that finds it out. NULL: none was made yet, or the lock was given or taken over.
  job_id       uuid,
  lock         text,
  error        text,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, hash)
);
-- Whoever looks for work reads this alone; it is nearly always empty.
CREATE INDEX script_lock_pending ON script_lock (workspace_id, hash) WHERE state = 0;
