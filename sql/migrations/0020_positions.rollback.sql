ALTER TABLE corporate_actions DROP COLUMN paid_on;
ALTER TABLE corporate_actions_history DROP COLUMN paid_on;
ALTER TABLE doubtful_dividends DROP COLUMN paid_on;
ALTER TABLE doubtful_dividends_history DROP COLUMN paid_on;
ALTER TABLE portfolios ADD COLUMN positions jsonb, ADD COLUMN trades jsonb;
UPDATE portfolios AS p SET
    positions = coalesce((
        SELECT jsonb_object_agg(security_id, jsonb_strip_nulls(jsonb_build_object(
            'shares', shares, 'price', price, 'value', value, 'weight', weight, 'target', target_weight,
            'wanted', wanted_weight, 'asked', traded_ask, 'asking', ask, 'due', is_due, 'idle', sessions_without_bar,
            'retired', is_retired)) || jsonb_build_object('price', price, 'weight', weight))
        FROM positions AS held WHERE held.date = p.date AND held.model_id = p.model_id), '{}'),
    trades = coalesce((
        SELECT jsonb_agg(jsonb_build_object('symbol', security_id, 'shares', shares, 'price', price,
            'commission', commission, 'slippage', spread + impact) ORDER BY security_id, number)
        FROM fills AS fill WHERE fill.date = p.date AND fill.model_id = p.model_id AND fill.reason <> 'delisted'), '[]');
ALTER TABLE portfolios
    ALTER COLUMN positions SET NOT NULL, ALTER COLUMN trades SET NOT NULL,
    DROP COLUMN receivables, DROP COLUMN interest, DROP COLUMN borrow_fees, DROP COLUMN halted,
    DROP COLUMN limits_exceeded, DROP COLUMN highest_equity, DROP COLUMN weight_factor;
ALTER TABLE portfolios_history ADD COLUMN positions jsonb, ADD COLUMN trades jsonb;
UPDATE portfolios_history AS p SET
    positions = coalesce((
        SELECT jsonb_object_agg(security_id, jsonb_strip_nulls(jsonb_build_object(
            'shares', shares, 'price', price, 'value', value, 'weight', weight, 'target', target_weight,
            'wanted', wanted_weight, 'asked', traded_ask, 'asking', ask, 'due', is_due, 'idle', sessions_without_bar,
            'retired', is_retired)) || jsonb_build_object('price', price, 'weight', weight))
        FROM positions_history AS held WHERE held.date = p.date AND held.model_id = p.model_id AND held.superseded_at = p.superseded_at), '{}'),
    trades = coalesce((
        SELECT jsonb_agg(jsonb_build_object('symbol', security_id, 'shares', shares, 'price', price,
            'commission', commission, 'slippage', spread + impact) ORDER BY security_id, number)
        FROM fills_history AS fill WHERE fill.date = p.date AND fill.model_id = p.model_id AND fill.reason <> 'delisted' AND fill.superseded_at = p.superseded_at), '[]');
ALTER TABLE portfolios_history
    ALTER COLUMN positions SET NOT NULL, ALTER COLUMN trades SET NOT NULL,
    DROP COLUMN receivables, DROP COLUMN interest, DROP COLUMN borrow_fees, DROP COLUMN halted,
    DROP COLUMN limits_exceeded, DROP COLUMN highest_equity, DROP COLUMN weight_factor;
DROP TABLE positions, positions_history, fills, fills_history, pending_cash, pending_cash_history;
COMMENT ON COLUMN portfolios.equity IS 'Cash plus positions at the close, in currency.';
COMMENT ON COLUMN portfolios.costs IS 'Commission and slippage paid in the session, in currency.';
COMMENT ON COLUMN portfolios.turnover IS 'Value traded over the equity at the open; null where that is not positive.';
COMMENT ON COLUMN portfolios.positions IS 'Security → shares, price, value, weight and the target last traded to; and where they differ from it the weight wanted now, the weight asked for (asked when it was last traded, asking now), and whether a rebalancing waits for a bar (due).';
COMMENT ON COLUMN portfolios.trades IS 'Fills of the session: symbol, shares, price, commission, slippage.';
COMMENT ON COLUMN portfolios_history.equity IS 'Cash plus positions at the close, in currency.';
COMMENT ON COLUMN portfolios_history.costs IS 'Commission and slippage paid in the session, in currency.';
COMMENT ON COLUMN portfolios_history.turnover IS 'Value traded over the equity at the open; null where that is not positive.';
COMMENT ON COLUMN portfolios_history.positions IS 'Security → shares, price, value, weight and the target last traded to; and where they differ from it the weight wanted now, the weight asked for (asked when it was last traded, asking now), and whether a rebalancing waits for a bar (due).';
COMMENT ON COLUMN portfolios_history.trades IS 'Fills of the session: symbol, shares, price, commission, slippage.';
