-- What was computed when, so that a range that is finished is not computed again.

CREATE TABLE computations (
    asset      text NOT NULL,
    date       date NOT NULL,
    recipe     text NOT NULL,
    read_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    run_id     text NOT NULL,
    PRIMARY KEY (asset, date)
);
COMMENT ON TABLE computations IS 'When each session of an asset was computed last, and when its rows last changed.';
COMMENT ON COLUMN computations.asset IS 'Key of the asset, its parts joined by /.';
COMMENT ON COLUMN computations.date IS 'Exchange session.';
COMMENT ON COLUMN computations.recipe IS 'What it was computed by: versions, parameters and settings, or a digest of them.';
COMMENT ON COLUMN computations.read_at IS 'When what it was computed from was read.';
COMMENT ON COLUMN computations.changed_at IS 'When a row of the session last changed; computing the same rows again leaves it.';
COMMENT ON COLUMN computations.run_id IS 'Dagster run that computed it last.';
