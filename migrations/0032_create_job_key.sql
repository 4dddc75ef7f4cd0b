-- Idempotency keys, written in the flush that accepts their job. Partitioned like `job`, by the job's id: a key never outlives its job, and
-- is dropped with the partition. `key` and `body` are the first 128 bits of SHA-256 (control-plane/jobs/idempotency-key.ts). That a key is
-- taken once is the owner's doing: it is the only one to write them, and looks before it does (control-plane/scheduler/keyed-jobs.ts).
CREATE TABLE job_key (
  workspace_id bigint NOT NULL,
  key          uuid NOT NULL,
  id           uuid NOT NULL,
  body         uuid NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, key, id)
) PARTITION BY RANGE (id);

-- Days that are there already: a job of an earlier day may still wait or run.
DO $$
DECLARE day record;
BEGIN
  FOR day IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'job'::regclass
  LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF job_key %s', 'job_key' || substr(day.relname, 4), day.bounds);
  END LOOP;
END $$;
