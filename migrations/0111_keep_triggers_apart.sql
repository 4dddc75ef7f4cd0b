-- See 0086.
SELECT keep_workspaces_apart(name::regclass) FROM unnest(ARRAY['sealed_secret', 'trigger', 'trigger_activity', 'notification_hook', 'hook_delivery']) AS name;
