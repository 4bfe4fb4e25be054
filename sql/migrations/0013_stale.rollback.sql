DELETE FROM alerts WHERE origin = 'ledger';
ALTER TABLE alerts DROP CONSTRAINT alerts_origin_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_origin_check CHECK (origin IN ('report', 'run'));
COMMENT ON COLUMN alerts.origin IS 'report: found by an alert rule; run: a Dagster run failed.';
COMMENT ON COLUMN alerts_history.origin IS 'report: found by an alert rule; run: a Dagster run failed.';
DROP TABLE computation_inputs;
