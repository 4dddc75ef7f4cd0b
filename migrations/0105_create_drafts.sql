-- What somebody writes and has not deployed: one row per path and author. Nothing runs it; a preview sends its code itself. `value` is JSON text of
-- what a deploy would be asked, finished or not. `revision` grows with each change: it is the ETag.
CREATE TABLE draft (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
  path         text NOT NULL,
  author       text NOT NULL,
  value        text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, kind, path, author)
);
