-- What each asset is computed from, so that whoever reads the ledger of computations can tell what follows from a
-- correction; and alerts about what does.

CREATE TABLE computation_inputs (
    asset      text NOT NULL,
    upstream   text NOT NULL,
    first_back integer,
    last_back  integer NOT NULL,
    PRIMARY KEY (asset, upstream),
    CHECK (first_back >= last_back)
);
COMMENT ON TABLE computation_inputs IS 'What a session of each asset is computed from: a range of sessions of each upstream asset.';
COMMENT ON COLUMN computation_inputs.asset IS 'Key of the asset, its parts joined by /.';
COMMENT ON COLUMN computation_inputs.upstream IS 'Key of the asset that is read; the asset itself where it goes on from its own past.';
COMMENT ON COLUMN computation_inputs.first_back IS 'How many sessions before the computed one the first session lies that is read; null: all from the beginning.';
COMMENT ON COLUMN computation_inputs.last_back IS 'How many sessions before the computed one the last session lies that is read.';

ALTER TABLE alerts DROP CONSTRAINT alerts_origin_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_origin_check CHECK (origin IN ('report', 'run', 'ledger'));
COMMENT ON COLUMN alerts.origin IS 'report: found by an alert rule; run: a Dagster run failed; ledger: sessions are stale, for as long as they are.';
COMMENT ON COLUMN alerts_history.origin IS 'report: found by an alert rule; run: a Dagster run failed; ledger: sessions are stale, for as long as they are.';
