-- Secrets of triggers and hooks: with them others prove who they are to us, or we to them. Sealed like variables; several of one owner live side
-- by side while they are changed. `owner` is `trigger:<path>` or `hook:<path>`.
CREATE TABLE sealed_secret (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  owner        text NOT NULL,
  id           text NOT NULL,
  sealed       bytea NOT NULL,
  key_version  integer NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  expires_at   timestamptz,
  PRIMARY KEY (workspace_id, owner, id),
  -- As for variables: no key goes away while something is sealed with it.
  FOREIGN KEY (workspace_id, key_version) REFERENCES workspace_key (workspace_id, version)
);
CREATE INDEX sealed_secret_of_key ON sealed_secret (workspace_id, key_version);

-- What others call to start jobs. `settings` is JSON text, read as a whole. Of a route `shape` is its pattern without the names of parameters:
-- two routes of one method and shape would answer the same requests.
CREATE TABLE trigger (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('webhook', 'route')),
  method       text,
  pattern      text,
  shape        text,
  settings     text NOT NULL,
  paused       boolean NOT NULL,
  description  text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, path),
  CHECK ((kind = 'route') = (shape IS NOT NULL) AND (shape IS NULL) = (method IS NULL) AND (shape IS NULL) = (pattern IS NULL))
);
CREATE UNIQUE INDEX trigger_route ON trigger (workspace_id, method, shape) WHERE kind = 'route';

-- What became of the calls of a trigger: counts, and its last calls as a JSON list. Written at most once a second by each replica.
CREATE TABLE trigger_activity (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL,
  accepted     bigint NOT NULL,
  repeated     bigint NOT NULL,
  refused      bigint NOT NULL,
  last_at      timestamptz NOT NULL,
  calls        jsonb NOT NULL,
  PRIMARY KEY (workspace_id, path)
) WITH (fillfactor = 70);
