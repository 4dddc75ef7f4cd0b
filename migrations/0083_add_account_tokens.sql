-- Tokens of people (`personal`) and of service accounts (`service`), both bound to a workspace.
ALTER TABLE token DROP CONSTRAINT token_kind_check;
ALTER TABLE token ADD CONSTRAINT token_kind_check CHECK (kind IN ('admin', 'workspace', 'agent', 'personal', 'service'));
ALTER TABLE token ADD COLUMN account_id bigint REFERENCES account (id) ON DELETE CASCADE;
ALTER TABLE token ADD CONSTRAINT token_of_account CHECK ((kind IN ('personal', 'service')) = (account_id IS NOT NULL));
ALTER TABLE token ADD CONSTRAINT token_of_workspace CHECK (account_id IS NULL OR workspace_id IS NOT NULL);
-- NULL: whatever the role of its holder allows.
ALTER TABLE token ADD COLUMN scopes text[];
ALTER TABLE token ADD COLUMN created_by text NOT NULL DEFAULT 'first start';
CREATE INDEX token_newest ON token (workspace_id, created_at DESC);
CREATE INDEX token_account ON token (account_id) WHERE account_id IS NOT NULL;
