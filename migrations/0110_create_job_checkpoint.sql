-- What a script that is a workflow has done so far: a row for each of its steps, child jobs and sleeps (control-plane/workflows/). Written through
-- the job's own door while the attempt runs, never changed. Partitioned like `job`, by the job's id, and dropped with it.
CREATE TABLE job_checkpoint (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,         -- of the job whose script it is
  seq          integer NOT NULL,      -- counts from 1
  attempt      smallint NOT NULL,     -- that wrote it
  kind         smallint NOT NULL,     -- position in CHECKPOINT_KINDS
  name         text NOT NULL,
  value        text NOT NULL,         -- JSON: what a step gave, which job a task is, until when a sleep lasts
  total_bytes  integer NOT NULL,      -- of the values of the job up to this one
  at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id, seq),
  UNIQUE (workspace_id, id, name)
) PARTITION BY RANGE (id);

-- Days that are there already.
DO $$
DECLARE day record;
BEGIN
  FOR day IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'job'::regclass
  LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF job_checkpoint %s', 'job_checkpoint' || substr(day.relname, 4), day.bounds);
  END LOOP;
END $$;
