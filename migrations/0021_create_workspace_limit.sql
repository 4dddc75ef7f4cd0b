-- What a workspace is granted; one without a row has weight 1 and no cap. Owners find changes by a cursor over transaction ids.
CREATE TABLE workspace_limit (
  workspace_id bigint PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
  weight       double precision NOT NULL DEFAULT 1 CHECK (weight > 0),
  max_running  integer CHECK (max_running >= 0),
  changed_at   timestamptz NOT NULL DEFAULT now(),
  changed_by   text NOT NULL,
  xid          xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX workspace_limit_changed ON workspace_limit (xid);
