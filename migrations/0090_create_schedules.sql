-- What a schedule is; changed by people alone. `settings` is JSON text of the settings that a run takes, `handlers` that of the scripts that are
-- run when runs fail or recover: both are read as a whole and never asked about. The number is never used again, a path may be.
CREATE TABLE schedule (
  workspace_id    bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  path            text NOT NULL,
  description     text NOT NULL,
  cron            text NOT NULL,
  zone            text NOT NULL,
  target_kind     text NOT NULL CHECK (target_kind IN ('script', 'flow')),
  target_path     text NOT NULL,
  args            text NOT NULL,
  settings        text NOT NULL,
  overlap         text NOT NULL,
  catch_up        text NOT NULL,
  catch_up_max    integer,
  catch_up_window_s integer,
  handlers        text,
  paused          boolean NOT NULL,
  revision        bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  created_by      text NOT NULL,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  updated_by      text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, path)
);

-- Where a schedule is. Each tick moves `next_at` on, in the statement that records the tick: so it is narrow, and pages have room for the next
-- version of a row. `timing` grows when its ticks are others from now on: a ticker that knows the former ones is refused.
CREATE TABLE schedule_state (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  schedule_id  bigint NOT NULL,
  shard        smallint NOT NULL,
  timing       integer NOT NULL DEFAULT 1,
  next_at      timestamptz,
  -- Rows of schedule_run that were ever made: now and then the oldest are let go.
  runs         bigint NOT NULL DEFAULT 0,
  failures     integer NOT NULL DEFAULT 0,
  successes    integer NOT NULL DEFAULT 0,
  is_down      boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace_id, schedule_id),
  FOREIGN KEY (workspace_id, schedule_id) REFERENCES schedule (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);
CREATE INDEX schedule_due ON schedule_state (next_at) WHERE next_at IS NOT NULL;

-- What became of each tick, and of runs that somebody asked for. `todo` is what is still to be done about it (control-plane/schedules/model.ts):
-- whoever does it may die at any point, and somebody else finds it by its index. No reference to the workspace of its own: a hundred ticks
-- that lock its one row, while others do the same, take longer than everything else about them.
CREATE TABLE schedule_run (
  workspace_id bigint NOT NULL,
  schedule_id  bigint NOT NULL,
  due_at       timestamptz NOT NULL,
  state        text NOT NULL CHECK (state IN ('starting', 'waiting', 'started', 'skipped', 'missed', 'failed')),
  -- Null: it was a tick.
  asked_by     text,
  job_id       uuid,
  note         text,
  -- Of missed ticks: the last of them, and the pattern that they were of.
  until_at     timestamptz,
  cron         text,
  zone         text,
  claimed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  todo         text CHECK (todo IN ('start', 'wait', 'watch', 'handle')),
  todo_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  handler      text CHECK (handler IN ('error', 'recovery')),
  handler_job  uuid,
  PRIMARY KEY (workspace_id, schedule_id, due_at),
  FOREIGN KEY (workspace_id, schedule_id) REFERENCES schedule (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX schedule_run_open ON schedule_run (workspace_id, schedule_id, due_at) WHERE todo IS NOT NULL;
