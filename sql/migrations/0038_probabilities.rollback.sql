CREATE OR REPLACE FUNCTION keep_models_of_rows() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    lost integer;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = 'models are removed or renumbered by a transaction that reads what others committed meanwhile',
            HINT = 'Use the isolation level READ COMMITTED.';
    END IF;
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings', 'forecasts'] LOOP
        EXECUTE format('SELECT model_id FROM %1$I.%2$I AS t'
            ' WHERE NOT EXISTS (SELECT FROM %1$I.models WHERE id = t.model_id) LIMIT 1', TG_TABLE_SCHEMA, name)
            INTO lost;
        IF lost IS NOT NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('a model that has rows in %I cannot be removed', name),
                DETAIL = format('Key (id)=(%s) is still referenced from table "%s".', lost, name),
                SCHEMA = TG_TABLE_SCHEMA, TABLE = name, COLUMN = 'model_id';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
DROP TRIGGER probabilities_lock ON signals;
DROP TRIGGER probabilities_insert ON signals;
ALTER TABLE signals DROP COLUMN probability;
ALTER TABLE signals_history DROP COLUMN probability;
DROP TABLE signal_probabilities, signal_probabilities_history, signal_calibration, signal_calibration_history,
    signal_calibration_bins, signal_calibration_bins_history;
DROP FUNCTION lock_probabilities();
DROP FUNCTION copy_probabilities();
