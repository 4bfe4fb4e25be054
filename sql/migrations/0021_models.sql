-- A model is an instance of a strategy with parameters of its own, so that one strategy may run as several models.

ALTER TABLE models ADD COLUMN strategy text;
COMMENT ON TABLE models IS 'One row per model, an instance of a strategy: what it is called, which version and parameters run now, or ran last.';
COMMENT ON COLUMN models.model_name IS 'Name of the model, the last part of its asset signals/<name>.';
COMMENT ON COLUMN models.strategy IS 'Name of the strategy that the model is an instance of.';
UPDATE models SET strategy = model_name;

ALTER TABLE model_runs ADD COLUMN strategy text;
COMMENT ON COLUMN model_runs.strategy IS 'Name of the strategy that the model was an instance of at the time.';
UPDATE model_runs SET strategy = model_name FROM models WHERE models.id = model_id;
