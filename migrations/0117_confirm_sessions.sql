-- When somebody last showed in this session that they are still who logged in. NULL: by the login itself.
ALTER TABLE account_session ADD COLUMN confirmed_at timestamptz;
