CREATE OR REPLACE VIEW feature_store AS
SELECT f.symbol, f.date, to_jsonb(f) - ARRAY['symbol', 'date', 'security_id', 'recorded_at'] AS features, f.recorded_at
FROM features f;
COMMENT ON VIEW feature_store IS 'The table features with its feature columns as one JSON object per row: for looking, not for bulk reads.';
DO $$
DECLARE stored text;
BEGIN
    FOR stored IN SELECT table_name FROM feature_sets WHERE name <> 'technical' LOOP
        EXECUTE format('DROP TABLE %I, %I', stored, stored || '_history');
    END LOOP;
END $$;
DROP TABLE feature_sets;
