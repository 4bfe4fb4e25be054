-- What a strategy asked for beside what it gets, how a model is traded, and what it is judged against.

ALTER TABLE signals ADD COLUMN asked_weight double precision;
ALTER TABLE signals_history ADD COLUMN asked_weight double precision;
UPDATE signals SET asked_weight = target_weight;
UPDATE signals_history SET asked_weight = target_weight;
ALTER TABLE signals
    ALTER COLUMN asked_weight SET NOT NULL,
    ADD CHECK (abs(asked_weight) < 'Infinity'),
    DROP CONSTRAINT signals_target_weight_check,
    ADD CHECK (abs(target_weight) < 'Infinity');
COMMENT ON COLUMN signals.asked_weight IS 'Weight that the strategy asked for; target_weight is smaller where the session asked for more than the model''s limits. Of rows stored before this column: target_weight.';
COMMENT ON COLUMN signals_history.asked_weight IS 'Weight that the strategy asked for; target_weight is smaller where the session asked for more than the model''s limits. Of rows stored before this column: target_weight.';

ALTER TABLE model_runs ADD COLUMN scaled_sessions integer NOT NULL DEFAULT 0 CHECK (scaled_sessions >= 0);
COMMENT ON COLUMN model_runs.scaled_sessions IS 'Sessions whose weights were scaled because they exceeded max_gross or max_net by more than rounding.';

ALTER TABLE models
    ADD COLUMN rebalance text NOT NULL DEFAULT 'on_change',
    ADD COLUMN max_gross double precision NOT NULL DEFAULT 1 CHECK (max_gross > 0 AND max_gross < 'Infinity'),
    ADD COLUMN max_net double precision NOT NULL DEFAULT 1 CHECK (max_net > 0 AND max_net < 'Infinity'),
    ADD COLUMN benchmark text;
COMMENT ON COLUMN models.rebalance IS 'When positions are brought back to their targets: never, on_change, every_session, weekly, monthly, quarterly or drift x.';
COMMENT ON COLUMN models.max_gross IS 'Largest sum of the absolute weights of a session.';
COMMENT ON COLUMN models.max_net IS 'Largest size of the sum of the weights of a session.';
COMMENT ON COLUMN models.benchmark IS 'What the model is judged against now: the name of a model; null before it is registered again.';

ALTER TABLE model_performance ADD COLUMN benchmark text;
ALTER TABLE model_performance_history ADD COLUMN benchmark text;
UPDATE model_performance SET benchmark = (SELECT model_name FROM models WHERE is_benchmark ORDER BY id LIMIT 1);
UPDATE model_performance_history SET benchmark = (SELECT model_name FROM models WHERE is_benchmark ORDER BY id LIMIT 1);
COMMENT ON COLUMN model_performance.benchmark IS 'What alpha, beta and the benchmark''s return refer to: the name of a model; null where there was none.';
COMMENT ON COLUMN model_performance_history.benchmark IS 'What alpha, beta and the benchmark''s return refer to: the name of a model; null where there was none.';

COMMENT ON COLUMN portfolios.positions IS 'Security → shares, price, value, weight and the target last traded to; and where they differ from it the weight wanted now, the weight asked for (asked when it was last traded, asking now), and whether a rebalancing waits for a bar (due).';
COMMENT ON COLUMN portfolios_history.positions IS 'Security → shares, price, value, weight and the target last traded to; and where they differ from it the weight wanted now, the weight asked for (asked when it was last traded, asking now), and whether a rebalancing waits for a bar (due).';
