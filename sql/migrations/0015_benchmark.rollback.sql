COMMENT ON COLUMN models.is_benchmark IS 'True for the model that the others are judged against.';
COMMENT ON COLUMN models.benchmark IS 'What the model is judged against now: the name of a model; null before it is registered again.';
COMMENT ON COLUMN model_performance.benchmark IS 'What alpha, beta and the benchmark''s return refer to: the name of a model; null where there was none.';
COMMENT ON COLUMN model_performance_history.benchmark IS 'What alpha, beta and the benchmark''s return refer to: the name of a model; null where there was none.';
