DROP VIEW symbol_ranges;
CREATE OR REPLACE VIEW feature_store AS
SELECT f.symbol, f.date, to_jsonb(f) - ARRAY['symbol', 'date', 'recorded_at'] AS features, f.recorded_at
FROM features f;
DROP TABLE security_symbols_history, securities_history, ingestions, security_symbols, securities;
UPDATE trading_universe SET company_name = coalesce(company_name, symbol), sector = coalesce(sector, '');
ALTER TABLE trading_universe ALTER COLUMN company_name SET NOT NULL, ALTER COLUMN sector SET NOT NULL;
ALTER TABLE market_data DROP CONSTRAINT market_data_plausible_price, DROP COLUMN vwap, DROP COLUMN trade_count, DROP COLUMN security_id;
ALTER TABLE trading_universe DROP COLUMN security_type, DROP COLUMN security_id;
ALTER TABLE corporate_actions DROP COLUMN security_id;
ALTER TABLE features DROP COLUMN security_id;
ALTER TABLE signals DROP COLUMN security_id;
ALTER TABLE market_data_history DROP COLUMN vwap, DROP COLUMN trade_count, DROP COLUMN security_id;
ALTER TABLE trading_universe_history DROP COLUMN security_type, DROP COLUMN security_id;
ALTER TABLE corporate_actions_history DROP COLUMN security_id;
ALTER TABLE features_history DROP COLUMN security_id;
ALTER TABLE signals_history DROP COLUMN security_id;
