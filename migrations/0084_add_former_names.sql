-- A name once given always means the same workspace: links, settings and caches stay true when it gets another one.
CREATE TABLE workspace_former_name (
  name         text PRIMARY KEY,
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE
);
