-- What could not be computed while the rest went on: a strategy, a feature, a metric or an alert rule that raised.

CREATE TABLE computation_failures (
    asset       text NOT NULL,
    date        date NOT NULL,
    part        text NOT NULL,
    reason      text NOT NULL,
    run_id      text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset, date, part)
);
COMMENT ON TABLE computation_failures IS 'What could not be computed, until it is: the session is stale, and the next run computes it again.';
COMMENT ON COLUMN computation_failures.asset IS 'Key of the asset, its parts joined by /.';
COMMENT ON COLUMN computation_failures.date IS 'Exchange session.';
COMMENT ON COLUMN computation_failures.part IS 'What failed, such as: strategy x, feature y, metric z.';
COMMENT ON COLUMN computation_failures.reason IS 'The error and where it was raised.';
COMMENT ON COLUMN computation_failures.run_id IS 'Dagster run in which it failed.';
COMMENT ON COLUMN computation_failures.recorded_at IS 'When it failed.';

ALTER TABLE model_runs ADD COLUMN status text NOT NULL DEFAULT 'succeeded' CHECK (status IN ('succeeded', 'failed'));
ALTER TABLE model_runs ADD COLUMN reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN model_runs.status IS 'Whether it produced signals, or failed.';
COMMENT ON COLUMN model_runs.reason IS 'Why it failed; empty where it did not.';
