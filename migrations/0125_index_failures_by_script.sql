-- The failures of one script, newest first: also of a script that has none among hundreds of thousands of failures of others, which is what people ask most.
-- Only what failed or was cancelled is in it (11 MB for 10 million jobs of which one in fifty has failed); a job that succeeds writes nothing more.
CREATE INDEX job_done_failed_script ON job_done (workspace_id, script_id, outcome, id DESC) WHERE outcome <> 0;
