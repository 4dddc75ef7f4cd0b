-- How far a job says that it is: a row for each job that says so, written over. Partitioned like `job`, by the job's id, and dropped with it.
CREATE TABLE job_progress (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,
  -- The attempt that said it; a later one begins anew.
  attempt      smallint NOT NULL,
  percent      smallint NOT NULL,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);

-- Days that are there already.
DO $$
DECLARE day record;
BEGIN
  FOR day IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'job'::regclass
  LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF job_progress %s', 'job_progress' || substr(day.relname, 4), day.bounds);
  END LOOP;
END $$;
