-- Data keys of workspaces: with them their secrets are sealed. A data key is stored sealed by a master key, which is never in the database.
-- Versions only grow; the newest one seals, older ones open what is still sealed with them.
CREATE TABLE workspace_key (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  version      integer NOT NULL,
  -- Which master key: the beginning of its SHA-256.
  master_id    text NOT NULL,
  wrapped      bytea NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, version)
);

-- A variable is plain (`value`) or a secret (`sealed`). `revision` grows with each change: it is the ETag.
CREATE TABLE variable (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL,
  description  text NOT NULL,
  value        text,
  sealed       bytea,
  key_version  integer,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, path),
  CHECK ((value IS NULL) <> (sealed IS NULL)),
  CHECK ((sealed IS NULL) = (key_version IS NULL)),
  -- No key goes away while something is sealed with it, also not between a look and a delete.
  FOREIGN KEY (workspace_id, key_version) REFERENCES workspace_key (workspace_id, version)
);
CREATE INDEX variable_of_key ON variable (workspace_id, key_version, path) WHERE key_version IS NOT NULL;
