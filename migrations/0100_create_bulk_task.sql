-- Cancelling or running again of many jobs, as far as it has come. The replica that took the request does the work and keeps `worked_until` ahead;
-- when it is gone, somebody resumes the task from its cursor.
CREATE TABLE bulk_task (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  id           uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('cancel', 'rerun')),
  filter       text NOT NULL,                -- JSON, as it was asked for
  position     text NOT NULL,                -- where the work goes on
  state        text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped', 'failed')),
  done         bigint NOT NULL DEFAULT 0,
  skipped      bigint NOT NULL DEFAULT 0,
  error        text,
  worked_until timestamptz NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX bulk_task_newest ON bulk_task (workspace_id, created_at DESC);
