CREATE TABLE workspace (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Bearer tokens. The secret is never stored: 190 random bits need no slow hash.
CREATE TABLE token (
  id           text PRIMARY KEY,
  secret_hash  bytea NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('admin', 'workspace', 'agent')),
  -- NULL: the whole instance (kind admin), or an agent that serves every workspace.
  workspace_id bigint REFERENCES workspace (id) ON DELETE CASCADE,
  label        text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz
);

-- One row per path; versions are immutable. `id` stays the same over all versions: history is found by it.
CREATE TABLE script (
  workspace_id bigint NOT NULL REFERENCES workspace (id),
  path         text NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  hash         text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, path),
  UNIQUE (workspace_id, id)
);

CREATE TABLE script_version (
  workspace_id bigint NOT NULL,
  hash         text NOT NULL,
  script_id    bigint NOT NULL,
  path         text NOT NULL,
  language     text NOT NULL,
  content      text NOT NULL,
  code_hash    text NOT NULL,
  summary      text NOT NULL,
  tag          text NOT NULL,
  timeout_ms   integer,
  schema       jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX script_version_script ON script_version (workspace_id, script_id, created_at DESC);

CREATE TABLE agent (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id     uuid NOT NULL UNIQUE,
  name         text NOT NULL,
  -- NULL: a shared agent.
  workspace_id bigint REFERENCES workspace (id) ON DELETE CASCADE,
  token_id     text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  connected_at timestamptz NOT NULL DEFAULT now()
);
