-- Kinds of resources. `schema` is JSON Schema of their values, as text: it is read as a whole and never asked about.
CREATE TABLE resource_type (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  name         text NOT NULL,
  description  text NOT NULL,
  schema       text,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

-- Values by path. `value` is JSON text, kept as it came: large numbers keep their digits. A type need not be described above; what scripts
-- remember between their runs has the type `state`.
CREATE TABLE resource (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL,
  type         text NOT NULL,
  description  text NOT NULL,
  value        text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, path)
);
CREATE INDEX resource_of_type ON resource (workspace_id, type, path);
