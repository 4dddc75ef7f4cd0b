-- The second net (docs/decisions/0146): requests work on these tables under a role that sees rows of one workspace alone, whatever a statement
-- asks for. The role owns nothing; it belongs to the server, and databases share it.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'millrace_tenant') THEN
    BEGIN
      CREATE ROLE millrace_tenant NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was quicker
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role millrace_tenant is missing, and user % may not make it. As an administrator of the server run once: CREATE ROLE millrace_tenant NOLOGIN; GRANT millrace_tenant TO %', current_user, quote_ident(current_user);
    END;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'millrace_tenant' AND (rolsuper OR rolbypassrls OR rolcanlogin)) THEN
    RAISE EXCEPTION 'the role millrace_tenant must not log in, be a superuser, or bypass row-level security. As an administrator of the server run once: ALTER ROLE millrace_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS';
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    BEGIN
      EXECUTE format('GRANT millrace_tenant TO %I', current_user);
    EXCEPTION
      WHEN insufficient_privilege THEN
        IF NOT pg_has_role(current_user, 'millrace_tenant', 'MEMBER') THEN
          RAISE EXCEPTION 'user % may not act as the role millrace_tenant. As an administrator of the server run once: GRANT millrace_tenant TO %', current_user, quote_ident(current_user);
        END IF;
    END;
  END IF;
END $$;

-- Puts a table under the net. The owner and everybody else sees all of it, as before; the role sees the rows of the workspace that its
-- connection names, and none when it names none.
CREATE FUNCTION keep_workspaces_apart(kept regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', kept);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', kept);
  EXECUTE format('CREATE POLICY everybody_else ON %s USING (current_user <> ''millrace_tenant'')', kept);
  EXECUTE format('CREATE POLICY of_the_workspace ON %s TO millrace_tenant USING (workspace_id = nullif(current_setting(''millrace.workspace'', true), '''')::bigint)', kept);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO millrace_tenant', kept);
END $$;

DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO millrace_tenant', current_schema()); END $$;

SELECT keep_workspaces_apart(name::regclass) FROM unnest(ARRAY[
  'token', 'invitation', 'service_account', 'agent', 'agent_join_token', 'workspace_limit',
  'script', 'script_version', 'script_lock', 'flow', 'flow_version',
  'workspace_key', 'variable', 'resource_type', 'resource',
  'access_version', 'member_name', 'workspace_member', 'member_group', 'group_account', 'folder', 'folder_grant'
]) AS name;

ALTER TABLE workspace ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspace FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody_else ON workspace USING (current_user <> 'millrace_tenant');
CREATE POLICY of_the_workspace ON workspace FOR SELECT TO millrace_tenant USING (id = nullif(current_setting('millrace.workspace', true), '')::bigint);
GRANT SELECT ON workspace TO millrace_tenant;

-- Lists of members name their accounts; of others nothing is seen.
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody_else ON account USING (current_user <> 'millrace_tenant');
CREATE POLICY of_members ON account FOR SELECT TO millrace_tenant USING (EXISTS (SELECT FROM workspace_member m WHERE m.account_id = account.id));
GRANT SELECT (id, email, name, disabled_at) ON account TO millrace_tenant;
