-- Under the second net (0086), where there is one: requests see the rows of their own workspace alone, and never change what was written.
DO $$
DECLARE
  kept text;
BEGIN
  IF to_regprocedure('keep_workspaces_apart(regclass)') IS NULL THEN
    RETURN;
  END IF;
  FOREACH kept IN ARRAY ARRAY['audit_event', 'audit_head', 'workspace_quota', 'usage_day', 'bulk_task'] LOOP
    PERFORM keep_workspaces_apart(kept::regclass);
  END LOOP;
  REVOKE UPDATE, DELETE ON audit_event FROM millrace_tenant;
  REVOKE DELETE ON audit_head FROM millrace_tenant;
END $$;
