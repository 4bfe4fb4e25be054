ALTER TABLE model_runs DROP COLUMN strategy;
ALTER TABLE models DROP COLUMN strategy;
COMMENT ON TABLE models IS 'One row per strategy: what it is called, which version and parameters run now.';
COMMENT ON COLUMN models.model_name IS 'Name of the strategy, the last part of its asset signals/<name>.';
