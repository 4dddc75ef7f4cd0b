-- What happens in the runs of flows (control-plane/flows/engine/). A run is a job; these are keyed by its id and partitioned like `job`
-- (control-plane/housekeeping/partition-store.ts), so that they go with its day. A row of flow_event holds the events of one transition.
CREATE TABLE flow_event (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,         -- of the flow's job
  seq          integer NOT NULL,      -- of the last event of the row; events count from 1
  at           timestamptz NOT NULL,
  events       text NOT NULL,         -- JSON list
  state        text,                  -- now and then: what all events up to here lead to
  PRIMARY KEY (workspace_id, id, seq)
) PARTITION BY RANGE (id);

-- What would make a state grow with the number of items: the list that a loop goes through, in pieces, and where its iterations' values are.
CREATE TABLE flow_item (
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,
  place        text NOT NULL,         -- of the loop or branchall
  part         smallint NOT NULL,     -- 0 the list: items from `index` on; 1 the value of iteration or branch `index`
  index        integer NOT NULL,
  value        text NOT NULL,         -- JSON
  PRIMARY KEY (workspace_id, id, place, part, index)
) PARTITION BY RANGE (id);

DO $$
DECLARE day record; parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['flow_event', 'flow_item'] LOOP
    FOR day IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'job'::regclass
    LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I %s', parent || substr(day.relname, 4), parent, day.bounds);
    END LOOP;
  END LOOP;
END $$;

-- One row for each running flow to which something happens by itself at a moment, or that only waits. A flow without a row is awake.
CREATE TABLE flow_live (
  id           uuid NOT NULL,
  workspace_id bigint NOT NULL,
  shard        smallint NOT NULL,
  due_at       timestamptz,           -- the soonest of its moments
  awake        boolean NOT NULL,      -- false: nothing else is to be done before; a new owner need not look at it
  PRIMARY KEY (id, workspace_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX flow_live_due ON flow_live (due_at, id) WHERE due_at IS NOT NULL;

-- Answers of people that have not become events yet. Any replica writes them; the owner of the shard finds them, and takes them away in the
-- transaction of the event. The first answer of an approver counts.
CREATE TABLE flow_approval (
  number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id bigint NOT NULL,
  id           uuid NOT NULL,         -- of the flow's job
  shard        smallint NOT NULL,
  place        text NOT NULL,
  approver     text NOT NULL,
  approved     boolean NOT NULL,
  payload      text NOT NULL,         -- JSON
  at           timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, id, place, approver)
);
