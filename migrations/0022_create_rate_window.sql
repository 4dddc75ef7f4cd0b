-- Starts that still count for a rate limit, written in the flush that claims the job, so that a new owner starts none too many. Times are
-- stored relative to `stored_at`, which the database sets: no two clocks are ever compared. A row is one limit of one workspace.
CREATE TABLE rate_window (
  workspace_id bigint NOT NULL,
  id           bigint NOT NULL,            -- hash of the key (control-plane/jobs/limit-keys.ts)
  starts       integer NOT NULL,
  window_ms    double precision NOT NULL,
  ages_ms      text NOT NULL,              -- of each start, oldest first; empty with GCRA
  tat_in_ms    double precision,           -- GCRA: time until the bucket is full again
  token        bigint NOT NULL,            -- of the claim that wrote it: the highest has seen most
  stored_at    timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
