-- Addresses that are told what happens in a workspace. `events` are the kinds that one wants.
CREATE TABLE notification_hook (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path         text NOT NULL,
  url          text NOT NULL,
  events       text[] NOT NULL,
  path_prefix  text NOT NULL,
  paused       boolean NOT NULL,
  -- Why it was paused by itself: its receiver said that it is gone.
  paused_why   text,
  description  text NOT NULL,
  revision     bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  updated_by   text NOT NULL,
  PRIMARY KEY (workspace_id, path)
);

-- What has happened and is not yet in deliveries. For workspaces that have a hook for it alone; ends of jobs are noted in the flush that ends
-- them (control-plane/jobs/event-notes.ts). Rows are inserted and deleted. No foreign keys: it is written on the hot path.
CREATE TABLE event_note (
  number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id bigint NOT NULL,
  kind         text NOT NULL,   -- ended, lost and flow are looked up in history; others are events as they are
  id           text NOT NULL,   -- of the job, or of the event
  data         text             -- JSON
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- What is sent to a hook, and what became of it. `attempts` is a JSON list. `due_at` while it waits: of one that is being sent, when it is
-- sent again unless somebody says what became of it.
CREATE TABLE hook_delivery (
  workspace_id bigint NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  hook         text NOT NULL,
  event        text NOT NULL,   -- the same however often it is sent: the receiver's key
  kind         text NOT NULL,
  payload      text NOT NULL,   -- JSON: what is sent, byte for byte
  status       text NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead')),
  tries        integer NOT NULL DEFAULT 0,
  attempts     jsonb NOT NULL DEFAULT '[]',
  due_at       timestamptz,
  created_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, hook, event),
  CHECK ((status = 'waiting') = (due_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX hook_delivery_waiting ON hook_delivery (workspace_id, hook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX hook_delivery_of_hook ON hook_delivery (workspace_id, hook, id DESC);
CREATE INDEX hook_delivery_ended ON hook_delivery (ended_at) WHERE ended_at IS NOT NULL;
