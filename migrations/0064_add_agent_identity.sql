-- Agents that joined with a key of their own, and what people have ordered of agents. Columns of agents with a long-lived token stay empty.
ALTER TABLE agent ADD COLUMN public_key bytea;
-- Join token by which it came.
ALTER TABLE agent ADD COLUMN joined_by text;
ALTER TABLE agent ADD COLUMN joined_at timestamptz;
-- Of its join token: tags that it may serve; empty: all.
ALTER TABLE agent ADD COLUMN allowed_tags text[] NOT NULL DEFAULT '{}';
-- When the newest credential that was made out for it ends.
ALTER TABLE agent ADD COLUMN credential_until timestamptz;
ALTER TABLE agent ADD COLUMN revoked_at timestamptz;
ALTER TABLE agent ADD COLUMN paused_at timestamptz;
-- It is to drain and end; forgotten when it starts again.
ALTER TABLE agent ADD COLUMN leave_asked_at timestamptz;
-- The last order of any kind and who gave it: replicas look here for news.
ALTER TABLE agent ADD COLUMN ordered_at timestamptz;
ALTER TABLE agent ADD COLUMN ordered_by text;
CREATE INDEX agent_ordered ON agent (ordered_at) WHERE ordered_at IS NOT NULL;
CREATE INDEX agent_of_workspace ON agent (workspace_id) WHERE public_key IS NOT NULL;
