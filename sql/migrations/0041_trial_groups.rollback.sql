DROP TABLE effective_trials;
ALTER TABLE trial_runs DROP COLUMN sessions;
COMMENT ON COLUMN trial_runs.data_version IS 'Digest of the versions of the tables that were read, or of the moment as of which they were.';
