-- Which of an agent's Hellos is the newest: how often it had started and dialled (0 for agents that do not say), and the number of its
-- sessions so far, by which owners tell an old session from a new one.
ALTER TABLE agent ADD COLUMN hello_start bigint NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN hello_dial bigint NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN sessions bigint NOT NULL DEFAULT 0;
