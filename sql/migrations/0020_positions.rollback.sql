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
