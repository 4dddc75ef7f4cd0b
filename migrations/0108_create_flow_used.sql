-- No foreign key: it is written in the flush of jobs.
-- Runs that have ended and whose steps with `delete_after_use` still have their results, arguments and output. Written in the flush of the end; the
-- row goes when all of that has gone.
CREATE TABLE flow_used (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,         -- of the flow's job
  shard        smallint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX flow_used_shard ON flow_used (shard);
