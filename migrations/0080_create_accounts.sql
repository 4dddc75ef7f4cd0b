-- Who works with the instance. A person has an e-mail address; a service account has none, and belongs to the workspace of its row below.
CREATE TABLE account (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email             text,
  name              text NOT NULL,
  -- PHC string of argon2id. NULL: no login by password.
  password_hash     text,
  -- Somebody other than the person has said that the address is theirs: an administrator, an invitation to it, an identity provider.
  email_proven      boolean NOT NULL DEFAULT false,
  is_instance_admin boolean NOT NULL DEFAULT false,
  disabled_at       timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  created_by        text NOT NULL,
  CHECK (email IS NOT NULL OR (password_hash IS NULL AND NOT is_instance_admin))
);
CREATE UNIQUE INDEX account_email ON account (lower(email));

CREATE TABLE service_account (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  account_id   bigint NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
  name         text NOT NULL,
  PRIMARY KEY (workspace_id, account_id),
  UNIQUE (workspace_id, name)
);

-- Who somebody is at an identity provider: its issuer and the subject there never change, an address may.
CREATE TABLE account_identity (
  issuer     text NOT NULL,
  subject    text NOT NULL,
  account_id bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX account_identity_account ON account_identity (account_id);

-- Failed logins of an e-mail address (known or not) or from a network address; forgotten after a success, or with time.
CREATE TABLE login_attempt (
  key           text PRIMARY KEY,
  failures      integer NOT NULL,
  last_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  blocked_until timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_attempt_last ON login_attempt (last_at);
