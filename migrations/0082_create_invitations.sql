-- With one of these a person becomes a member of the workspace, once.
CREATE TABLE invitation (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  id           text NOT NULL UNIQUE,
  secret_hash  bytea NOT NULL,
  -- NULL: for whoever has the token.
  email        text,
  role         text NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at   timestamptz NOT NULL,
  accepted_at  timestamptz,
  accepted_by  bigint REFERENCES account (id) ON DELETE SET NULL,
  revoked_at   timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX invitation_newest ON invitation (workspace_id, created_at DESC);
