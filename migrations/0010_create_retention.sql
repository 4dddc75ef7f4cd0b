-- What housekeeping knows of the days of the partitioned tables. A handful of rows a day; nothing hot reads them.
-- `dropping_at` is set before a child is detached: whatever is found half detached afterwards is finished, and nothing else is touched.
-- `thinned_at`: only rows of jobs that are alive, or ended a short time ago, are left in the child.
CREATE TABLE partition_record (
  parent      text NOT NULL,
  day         date NOT NULL,
  thinned_at  timestamptz,
  dropping_at timestamptz,
  dropped_at  timestamptz,
  PRIMARY KEY (parent, day)
);

-- Archived rows of a child. A part is open until its rows have left the database; an open part is written again.
CREATE TABLE archive_part (
  parent       text NOT NULL,
  day          date NOT NULL,
  part         integer NOT NULL,
  manifest_key text NOT NULL,
  row_count    bigint NOT NULL,
  size_bytes   bigint NOT NULL,
  written_at   timestamptz NOT NULL DEFAULT now(),
  removed_at   timestamptz,
  PRIMARY KEY (parent, day, part)
);

-- Objects that hold the output of ended jobs, sorted by workspace and job. A row appears in the transaction that empties job_log of the same chunks.
CREATE TABLE log_pack (
  day             date NOT NULL,
  blob_key        text NOT NULL,
  first_workspace bigint NOT NULL,
  first_job       uuid NOT NULL,
  last_workspace  bigint NOT NULL,
  last_job        uuid NOT NULL,
  chunks          bigint NOT NULL,
  size_bytes      bigint NOT NULL,
  index_offset    bigint NOT NULL,
  index_bytes     integer NOT NULL,
  packed_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (day, blob_key)
);

-- Which blob store each replica sees, by the identity object in it: nothing is moved there while they see different ones.
CREATE TABLE blob_view (
  replica  text PRIMARY KEY,
  store_id uuid NOT NULL,
  seen_at  timestamptz NOT NULL
);
