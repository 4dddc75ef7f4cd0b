-- One row per path; versions are immutable. `id` stays the same over all versions: history is found by it.
CREATE TABLE flow (
  workspace_id bigint NOT NULL REFERENCES workspace (id),
  path         text NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  hash         text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, path),
  UNIQUE (workspace_id, id)
);

CREATE TABLE flow_version (
  workspace_id bigint NOT NULL,
  hash         text NOT NULL,
  flow_id      bigint NOT NULL,
  path         text NOT NULL,
  summary      text NOT NULL,
  -- JSON text with its members in the order in which they came. What runs is made of it when it is needed.
  document     text NOT NULL,
  -- The text that it was deployed as, when that was YAML: comments and all.
  yaml         text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX flow_version_flow ON flow_version (workspace_id, flow_id, created_at DESC, hash DESC);
