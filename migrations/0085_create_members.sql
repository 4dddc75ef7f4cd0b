-- Who may do what in a workspace. Every change raises the number in access_version in its own transaction: replicas look at it once a second
-- and read the rest again when it has changed.
CREATE TABLE access_version (
  workspace_id bigint PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
  version      bigint NOT NULL
);

-- What stands in paths for an account (u/NAME/…). It outlives the membership: nobody else gets the name, and with it what is under it.
CREATE TABLE member_name (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  name         text NOT NULL CHECK (name ~ '^[A-Za-z0-9_-]{1,60}$'),
  account_id   bigint REFERENCES account (id) ON DELETE SET NULL,
  PRIMARY KEY (workspace_id, name),
  UNIQUE (workspace_id, account_id)
);

CREATE TABLE workspace_member (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  account_id   bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('viewer', 'operator', 'developer', 'admin')),
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, account_id),
  UNIQUE (workspace_id, name),
  FOREIGN KEY (workspace_id, name) REFERENCES member_name (workspace_id, name)
);
CREATE INDEX workspace_member_account ON workspace_member (account_id);

CREATE TABLE member_group (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  name         text NOT NULL CHECK (name ~ '^[A-Za-z0-9_-]{1,60}$' AND name <> 'all'),
  description  text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

CREATE TABLE group_account (
  workspace_id bigint NOT NULL,
  group_name   text NOT NULL,
  account_id   bigint NOT NULL,
  PRIMARY KEY (workspace_id, group_name, account_id),
  FOREIGN KEY (workspace_id, group_name) REFERENCES member_group (workspace_id, name) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, account_id) REFERENCES workspace_member (workspace_id, account_id) ON DELETE CASCADE
);
CREATE INDEX group_account_account ON group_account (workspace_id, account_id);

-- Places that somebody was granted: f/NAME, or u/NAME beside its owner.
CREATE TABLE folder (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL CHECK (path ~ '^[uf]/[A-Za-z0-9_-]{1,60}$'),
  description  text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, path)
);

-- To a member, to a group, or (neither) to all members.
CREATE TABLE folder_grant (
  workspace_id bigint NOT NULL,
  path         text NOT NULL,
  account_id   bigint,
  group_name   text,
  level        text NOT NULL CHECK (level IN ('read', 'write')),
  UNIQUE NULLS NOT DISTINCT (workspace_id, path, account_id, group_name),
  CHECK (account_id IS NULL OR group_name IS NULL),
  FOREIGN KEY (workspace_id, path) REFERENCES folder (workspace_id, path) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, account_id) REFERENCES workspace_member (workspace_id, account_id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, group_name) REFERENCES member_group (workspace_id, name) ON DELETE CASCADE
);
CREATE INDEX folder_grant_account ON folder_grant (workspace_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX folder_grant_group ON folder_grant (workspace_id, group_name) WHERE group_name IS NOT NULL;
