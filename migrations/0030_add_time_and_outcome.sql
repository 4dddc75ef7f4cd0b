-- Jobs that wait for a moment, expire, are tried again, or are to be cancelled. All columns are NULL for a job that has none of it: they
-- then cost nothing. `policy` is what the request or the script asks for (control-plane/jobs/policy-contract.ts), carried along so that an
-- owner need not look it up when an attempt ends.
ALTER TABLE job ADD COLUMN policy text, ADD COLUMN scheduled_for timestamptz;
ALTER TABLE job_pending
  ADD COLUMN expires_at timestamptz,  -- ends unless an attempt begins before
  ADD COLUMN failed smallint,         -- attempts that failed by themselves and were tried again
  ADD COLUMN policy text;
ALTER TABLE job_running
  ADD COLUMN failed smallint,
  ADD COLUMN policy text,
  ADD COLUMN cancel_reason text;      -- somebody asked to cancel the attempt: a new owner must know
ALTER TABLE script_version ADD COLUMN policy text, ADD COLUMN priority smallint;

-- Each group is read back by itself: a million rows of a blocked one are never walked over to find those behind them. And a deferred row stands
-- in the queue's order only when its time has come: far ones must not be walked over either.
DROP INDEX job_pending_order;
CREATE INDEX job_pending_order ON job_pending (workspace_id, tag, language, ckey, prio, due_at, id) WHERE NOT deferred;
CREATE INDEX job_pending_deferred ON job_pending (workspace_id, tag, language, ckey, prio, due_at, id) WHERE deferred;
CREATE INDEX job_pending_due ON job_pending (due_at, id) WHERE deferred;
CREATE INDEX job_pending_expiry ON job_pending (expires_at, id) WHERE expires_at IS NOT NULL;
