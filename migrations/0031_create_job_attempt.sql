-- Attempts that ended without ending their job: failed and tried again, lost, or handed back. Written in the flush that puts the job back;
-- a job that ends with its first attempt has none. Partitioned like `job` (control-plane/housekeeping/partition-store.ts).
CREATE TABLE job_attempt (
  workspace_id      bigint NOT NULL,
  id                uuid NOT NULL,         -- of the job
  attempt           smallint NOT NULL,
  token             bigint NOT NULL,
  agent_key         bigint NOT NULL,
  exit_reason       smallint NOT NULL,
  exit_code         integer NOT NULL,
  exit_signal       text,
  exit_message      text,
  started_at        timestamptz,
  done_at           timestamptz NOT NULL,
  run_us            bigint,
  log_chunks        integer NOT NULL,
  log_bytes         bigint NOT NULL,
  log_dropped_bytes bigint NOT NULL,
  PRIMARY KEY (workspace_id, id, attempt)
) PARTITION BY RANGE (id);

-- Days that are there already: a job of an earlier day may still wait or run.
DO $$
DECLARE day record;
BEGIN
  FOR day IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'job'::regclass
  LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF job_attempt %s', 'job_attempt' || substr(day.relname, 4), day.bounds);
  END LOOP;
END $$;
