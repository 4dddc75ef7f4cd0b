-- See 0086.
SELECT keep_workspaces_apart(name::regclass) FROM unnest(ARRAY['draft', 'windmill_metadata']) AS name;
