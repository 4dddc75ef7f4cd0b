-- What workspaces used, by the day (UTC) on which their jobs were created. Counted from history now and then, control-plane/quotas/usage-store.ts;
-- what was counted stays when the day itself is let go.
CREATE TABLE usage_day (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  day          date NOT NULL,
  jobs         bigint NOT NULL,
  failed       bigint NOT NULL,
  cancelled    bigint NOT NULL,
  run_us       bigint NOT NULL,
  log_bytes    bigint NOT NULL,
  result_bytes bigint NOT NULL,
  counted_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, day)
);
