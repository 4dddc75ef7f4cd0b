-- Several owners share the shards. `gone_by`: by then none of the replica's agents runs anything any more, even if the replica is cut off
-- and nobody can tell; whoever takes its shards over gives no attempt away before. It is handed on with the shard, since the next owner
-- may die as well. `leaving`: it hands its shards over and gets no new ones.
ALTER TABLE replica_lease
  ADD COLUMN gone_by timestamptz NOT NULL DEFAULT '-infinity',
  ADD COLUMN leaving boolean NOT NULL DEFAULT false;
ALTER TABLE shard_map ADD COLUMN gone_by timestamptz NOT NULL DEFAULT '-infinity';

-- One row: the secret by which replicas of this database know each other.
CREATE TABLE cluster_secret (
  id     boolean PRIMARY KEY DEFAULT true CHECK (id),
  secret bytea NOT NULL
);
INSERT INTO cluster_secret (secret) VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
