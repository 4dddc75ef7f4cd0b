-- Epochs come from one sequence, so that no two owners ever issue the same attempt token.
CREATE SEQUENCE owner_epoch AS bigint MAXVALUE 8388607;

CREATE TABLE replica_lease (
  replica_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  boot_id    uuid NOT NULL,
  epoch      bigint NOT NULL,
  address    text NOT NULL,
  version    text NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

-- Replicas that stand by. An owner that cannot reach Postgres any more must let its agents go when there is one that can take over.
CREATE TABLE replica_presence (
  name    text PRIMARY KEY,
  seen_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

-- Each hot connection writes the number and the outcome of its flush in the flush's own transaction: when a connection breaks
-- before the answer, this row tells whether the flush was committed, and what it moved.
CREATE TABLE flush_progress (
  epoch      bigint NOT NULL,
  connection smallint NOT NULL,
  seq        bigint NOT NULL,
  gone       text[] NOT NULL,
  PRIMARY KEY (epoch, connection)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE shard_map (
  shard      smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
  replica_id bigint
) WITH (fillfactor = 50);
INSERT INTO shard_map (shard) SELECT generate_series(0, 63);
