-- RANGE-partitioned by time through the UUIDv7 job id; control-plane/housekeeping/partitions.ts makes the children, one a day, and
-- retention drops them. No default partition: a missing child must fail loudly. No foreign keys.
CREATE TABLE job (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,
  kind         smallint NOT NULL,          -- 0 deployed script, 1 inline code
  script_id    bigint,
  script_hash  text,
  language     text NOT NULL,
  tag          text NOT NULL,
  prio         smallint NOT NULL,
  timeout_ms   integer,
  created_by   text NOT NULL,
  args         text NOT NULL,              -- JSON as text: relayed byte for byte, never parsed by the database
  code         text,                       -- inline code only
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);

CREATE TABLE job_done (
  workspace_id      bigint NOT NULL,
  id                uuid NOT NULL,
  script_id         bigint,
  tag               text NOT NULL,
  outcome           smallint NOT NULL,     -- 0 succeeded, 1 failed, 2 cancelled
  exit_reason       smallint NOT NULL,
  exit_code         integer NOT NULL,
  exit_signal       text,
  exit_message      text,
  attempt           smallint NOT NULL,
  token             bigint,                -- NULL: cancelled while it waited
  agent_key         bigint,
  started_at        timestamptz,
  done_at           timestamptz NOT NULL,
  run_us            bigint,
  result            text,
  log_chunks        integer NOT NULL DEFAULT 0,
  log_bytes         bigint NOT NULL DEFAULT 0,
  log_dropped_bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX job_done_script ON job_done (workspace_id, script_id, id DESC);
CREATE INDEX job_done_bad ON job_done (workspace_id, outcome, id DESC) WHERE outcome <> 0;

CREATE TABLE job_log (
  workspace_id bigint NOT NULL,
  job_id       uuid NOT NULL,
  attempt      smallint NOT NULL,
  seq          integer NOT NULL,
  at           timestamptz NOT NULL,
  offset_bytes bigint NOT NULL,
  size_bytes   integer NOT NULL,
  lines        integer NOT NULL,
  encoding     smallint NOT NULL,          -- as on the wire: 1 plain, 2 zstd
  segments     integer[] NOT NULL,
  data         bytea NOT NULL,             -- already compressed: see below
  PRIMARY KEY (workspace_id, job_id, attempt, seq)
) PARTITION BY RANGE (job_id);
-- Kept out of line and not compressed again; partitions inherit it.
ALTER TABLE job_log ALTER COLUMN data SET STORAGE EXTERNAL;
