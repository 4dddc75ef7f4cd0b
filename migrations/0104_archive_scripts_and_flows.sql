-- What is archived keeps its versions and the history of its jobs, is not listed and does not run. NULL: it is in use.
ALTER TABLE script ADD COLUMN archived_at timestamptz, ADD COLUMN archived_by text;
ALTER TABLE flow ADD COLUMN archived_at timestamptz, ADD COLUMN archived_by text;
