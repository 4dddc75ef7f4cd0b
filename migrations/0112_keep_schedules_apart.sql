-- See 0086. What a schedule is and what became of its ticks are read and written for members, and by the ticker for everybody.
SELECT keep_workspaces_apart(name::regclass) FROM unnest(ARRAY['schedule', 'schedule_state', 'schedule_run']) AS name;
