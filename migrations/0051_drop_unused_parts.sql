-- What nothing reads or writes: standbys are replicas like all others (decision 0060), and nobody but a shard's owner writes waiting rows.
DROP TABLE replica_presence;
DROP INDEX job_pending_stray;
ALTER TABLE job_pending DROP COLUMN by_owner, DROP COLUMN xid;
