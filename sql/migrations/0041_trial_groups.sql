-- A daily update reads of the ledger what it has not counted yet, and no returns but those.

ALTER TABLE trial_runs ADD COLUMN sessions integer GENERATED ALWAYS AS (cardinality(daily_returns)) STORED;
COMMENT ON COLUMN trial_runs.sessions IS 'Number of its returns; null where it failed.';
COMMENT ON COLUMN trial_runs.data_version IS 'Digest of the versions of the tables that were read; as known at a moment, `DIGEST as of MOMENT`.';

CREATE TABLE effective_trials (
    runs         text PRIMARY KEY CHECK (runs ~ '^[0-9a-f]{32}$'),
    trials       integer NOT NULL CHECK (trials > 0),
    effective    double precision NOT NULL CHECK (effective > 0 AND effective <= trials),
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE effective_trials IS 'What groups of runs over the same sessions were counted as: it is computed once for each group, since no run ever changes.';
COMMENT ON COLUMN effective_trials.runs IS 'Digest of the runs'' numbers.';
COMMENT ON COLUMN effective_trials.trials IS 'Number of these runs.';
COMMENT ON COLUMN effective_trials.effective IS 'Effective rank of the correlation matrix of their returns.';
COMMENT ON COLUMN effective_trials.recorded_at IS 'When the platform computed it.';
