-- What Windmill's tools say of a thing beyond what is used here, as JSON text: they get it back as they sent it. kind: script (key: hash of the
-- version), folder or resource-type (key: its name).
CREATE TABLE windmill_metadata (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  kind         text NOT NULL,
  key          text NOT NULL,
  value        text NOT NULL,
  PRIMARY KEY (workspace_id, kind, key)
);
