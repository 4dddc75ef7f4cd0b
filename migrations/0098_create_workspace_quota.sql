-- What a workspace may use; NULL is the default of the instance. Replicas find changes by a cursor over transaction ids, as those of workspace_limit.
CREATE TABLE workspace_quota (
  workspace_id         bigint PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
  requests_per_s       integer CHECK (requests_per_s > 0),
  token_requests_per_s integer CHECK (token_requests_per_s > 0),
  jobs_per_minute      integer CHECK (jobs_per_minute > 0),
  max_queued           integer CHECK (max_queued > 0),
  max_storage_bytes    bigint CHECK (max_storage_bytes > 0),
  changed_at           timestamptz NOT NULL DEFAULT now(),
  changed_by           text NOT NULL,
  xid                  xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX workspace_quota_changed ON workspace_quota (xid);
