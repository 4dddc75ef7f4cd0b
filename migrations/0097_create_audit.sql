-- Who changed what. One chain per workspace (0 is the instance itself): each row holds the hash of the one before, see kernel/audit-chain.ts.
-- RANGE-partitioned by month through `at`; control-plane/audit/audit-month-store.ts makes the children. Months are let go whole, by people.
CREATE TABLE audit_event (
  workspace_id bigint NOT NULL,
  seq          bigint NOT NULL,
  at           timestamptz NOT NULL,
  actor        text NOT NULL,
  action       text NOT NULL,
  target       text NOT NULL,
  outcome      text NOT NULL,
  detail       text NOT NULL,            -- JSON as text: it is hashed byte for byte
  prev_hash    bytea NOT NULL,
  hash         bytea NOT NULL,
  PRIMARY KEY (workspace_id, seq, at)
) PARTITION BY RANGE (at);

-- The end of each chain. Its row lock keeps one chain of what commits at the same time.
CREATE TABLE audit_head (
  workspace_id bigint PRIMARY KEY,
  seq          bigint NOT NULL,
  at           timestamptz NOT NULL,
  prev_hash    bytea NOT NULL,
  hash         bytea NOT NULL
);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
-- Children get the first with their making; the second each needs for itself.
CREATE TRIGGER audit_event_is_kept BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_event_is_whole BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
-- Also for the owner of the table, who can take it back: a slip is stopped, and somebody who means it is found by the chain.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON audit_head FROM PUBLIC, CURRENT_USER;

-- The months around now, so that something can be written before a server has made more.
CREATE FUNCTION make_audit_month(first_day date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  child text := 'audit_event_' || to_char(first_day, 'YYYYMM');
BEGIN
  IF to_regclass(child) IS NOT NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)', child,
    to_char(first_day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(first_day + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  EXECUTE format('CREATE TRIGGER audit_event_is_whole BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', child);
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC, CURRENT_USER', child);
  RETURN child;
END $$;
SELECT make_audit_month((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date) FROM generate_series(0, 3) AS ahead;
