ALTER TABLE model_runs DROP COLUMN reason, DROP COLUMN status;
DROP TABLE computation_failures;
