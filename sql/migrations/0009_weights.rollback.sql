ALTER TABLE model_performance_history DROP COLUMN benchmark;
ALTER TABLE model_performance DROP COLUMN benchmark;
ALTER TABLE models DROP COLUMN rebalance, DROP COLUMN max_gross, DROP COLUMN max_net, DROP COLUMN benchmark;
ALTER TABLE model_runs DROP COLUMN scaled_sessions;
UPDATE signals SET target_weight = greatest(least(target_weight, 1), -1);
ALTER TABLE signals
    DROP COLUMN asked_weight,
    DROP CONSTRAINT signals_target_weight_check,
    ADD CHECK (target_weight BETWEEN -1 AND 1);
ALTER TABLE signals_history DROP COLUMN asked_weight;
COMMENT ON COLUMN portfolios.positions IS 'Symbol → shares, price, value, weight and the target last traded to.';
COMMENT ON COLUMN portfolios_history.positions IS 'Symbol → shares, price, value, weight and the target last traded to.';
