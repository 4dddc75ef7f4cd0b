-- With one of these a host becomes an agent of the workspace. The secret is never stored: 190 random bits need no slow hash.
CREATE TABLE agent_join_token (
  id           text PRIMARY KEY,
  secret_hash  bytea NOT NULL,
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  label        text NOT NULL,
  max_uses     integer NOT NULL,
  -- Agents that joined with it; one that joins again with the same key counts once.
  used         integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND max_uses),
  -- Tags that its agents may serve, and addresses that they may come from; empty: all.
  tags         text[] NOT NULL DEFAULT '{}',
  cidrs        text[] NOT NULL DEFAULT '{}',
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  revoked_at   timestamptz
);
CREATE INDEX agent_join_token_workspace ON agent_join_token (workspace_id, created_at DESC);
