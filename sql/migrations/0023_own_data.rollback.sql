DO $$
DECLARE
    name text;
    trigger_name text;
BEGIN
    FOR name IN SELECT table_name FROM feature_sets WHERE table_name <> 'features' LOOP
        FOREACH trigger_name IN ARRAY ARRAY['versions_insert', 'versions_delete', 'versions_update_from',
            'versions_update_to', 'versions_truncate'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', trigger_name, name);
        END LOOP;
    END LOOP;
END
$$;
DELETE FROM table_versions WHERE table_name NOT IN
    ('market_data', 'corporate_actions', 'trading_universe', 'news', 'features');
ALTER TABLE quarantine DROP COLUMN mended_at;
DROP TABLE own_data, own_data_history;
