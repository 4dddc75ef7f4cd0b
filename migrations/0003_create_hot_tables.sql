-- Jobs that wait and jobs that run. Rows are inserted and deleted, never updated; there is no state column. A job is in exactly one of
-- job_pending, job_running and job_done, since it moves inside one statement. Split by shard range into four lanes: the owner addresses
-- the children directly (control-plane/jobs/statements.ts), others read through the parent.
-- The primary key begins with id: one flush holds jobs of many workspaces, and `id = ANY($1)` must walk one index range per id.
CREATE TABLE job_pending (
  id           uuid NOT NULL,
  workspace_id bigint NOT NULL,
  shard        smallint NOT NULL,
  tag          text NOT NULL,
  language     text NOT NULL,               -- with the tag: which agents can run it
  prio         smallint NOT NULL,           -- lower goes sooner, so that every index is ascending
  due_at       timestamptz NOT NULL,
  deferred     boolean NOT NULL DEFAULT false,
  ckey         bigint NOT NULL DEFAULT 0,   -- concurrency group
  attempt      smallint NOT NULL DEFAULT 0, -- attempts that were started before
  lost         smallint NOT NULL DEFAULT 0, -- how many of them ended because the agent went away
  script_id    bigint,
  timeout_ms   integer,
  by_owner     boolean NOT NULL DEFAULT true,
  xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (id, workspace_id, shard)
) PARTITION BY RANGE (shard);

CREATE TABLE job_running (
  id           uuid NOT NULL,
  workspace_id bigint NOT NULL,
  shard        smallint NOT NULL,
  tag          text NOT NULL,
  language     text NOT NULL,
  prio         smallint NOT NULL,
  ckey         bigint NOT NULL,
  attempt      smallint NOT NULL,
  lost         smallint NOT NULL,
  token        bigint NOT NULL,
  agent_key    bigint NOT NULL,
  script_id    bigint,
  timeout_ms   integer,
  claimed_at   timestamptz NOT NULL,
  PRIMARY KEY (id, workspace_id, shard)
) PARTITION BY RANGE (shard);

DO $$
BEGIN
  FOR lane IN 0..3 LOOP
    EXECUTE format('CREATE TABLE job_pending_%s PARTITION OF job_pending FOR VALUES FROM (%s) TO (%s)
      WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1,
            autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000, vacuum_truncate = off)',
      lane, lane * 16, lane * 16 + 16);
    EXECUTE format('CREATE TABLE job_running_%s PARTITION OF job_running FOR VALUES FROM (%s) TO (%s)
      WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1,
            autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000, vacuum_truncate = off)',
      lane, lane * 16, lane * 16 + 16);
  END LOOP;
END $$;

-- The order in which a workspace's queue is read back into memory.
CREATE INDEX job_pending_order ON job_pending (workspace_id, tag, language, prio, due_at, id);
-- Rows written by someone who is not the owner; the owner finds them by a cursor over transaction ids.
CREATE INDEX job_pending_stray ON job_pending (shard, xid) WHERE NOT by_owner;
