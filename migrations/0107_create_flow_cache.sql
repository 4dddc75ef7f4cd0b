-- No foreign key: it is written in the flush of jobs.
-- Results of steps and flows with `cache_ttl`, for those who ask for the same again. The owner of a shard writes them in the flush of the end.
CREATE TABLE flow_cache (
  workspace_id bigint NOT NULL,
  key          text NOT NULL,         -- sha256 of what runs and its arguments
  expires_at   timestamptz NOT NULL,
  result       text NOT NULL,         -- JSON
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX flow_cache_expires ON flow_cache (expires_at);
