-- Idempotency keys, written in the flush that accepts their job. Partitioned like `job`, by the job's id: a key never outlives its job, and
-- is dropped with the partition. `key` and `body` are the first 128 bits of SHA-256 (control-plane/jobs/idempotency-key.ts). That a key is
-- taken once is the owner's doing: it is the only one to write them, and looks before it does (control-plane/scheduler/keyed-jobs.ts).
CREATE TABLE job_key (
  workspace_id bigint NOT NULL,
  key          uuid NOT NULL,
  id           uuid NOT NULL,
  body         uuid NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, key, id)
) PARTITION BY RANGE (id);
