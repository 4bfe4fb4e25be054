-- A third verdict: a check that did not look at a session neither passed nor failed it.

ALTER TABLE data_quality ALTER COLUMN passed DROP NOT NULL;
ALTER TABLE data_quality ADD CONSTRAINT data_quality_failures_are_judged CHECK (passed IS NOT NULL OR failures = 0);
COMMENT ON COLUMN data_quality.date IS 'Session.';
COMMENT ON COLUMN data_quality.passed IS 'Whether the session passed; null: it was not judged.';
COMMENT ON COLUMN data_quality.details IS 'Examples of failures; of a session that was not judged, the reason.';

ALTER TABLE data_quality_history ALTER COLUMN passed DROP NOT NULL;
COMMENT ON COLUMN data_quality_history.date IS 'Session.';
COMMENT ON COLUMN data_quality_history.passed IS 'Whether the session passed; null: it was not judged.';
COMMENT ON COLUMN data_quality_history.details IS 'Examples of failures; of a session that was not judged, the reason.';
