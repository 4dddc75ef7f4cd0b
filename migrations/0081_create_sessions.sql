-- Logins of people in a browser. The secret of the cookie is never stored: 190 random bits need no slow hash.
CREATE TABLE account_session (
  id          text PRIMARY KEY,
  secret_hash bytea NOT NULL,
  account_id  bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  -- `password`, or `oidc:` and the name of the provider.
  method      text NOT NULL,
  user_agent  text NOT NULL,
  address     text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- To within a minute.
  seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz
);
CREATE INDEX account_session_account ON account_session (account_id, created_at DESC);
