-- What a model is judged against is its own: a model, or a security.

COMMENT ON COLUMN models.is_benchmark IS 'True for the model that those are judged against that state no benchmark of their own; true for none where that is a security.';
COMMENT ON COLUMN models.benchmark IS 'What the model is judged against now: the name of a model, or symbol:TICKER; null before it is registered again.';
COMMENT ON COLUMN model_performance.benchmark IS 'What alpha, beta and excess return refer to: the name of a model, or symbol:TICKER; null where there was none.';
COMMENT ON COLUMN model_performance_history.benchmark IS 'What alpha, beta and excess return refer to: the name of a model, or symbol:TICKER; null where there was none.';
