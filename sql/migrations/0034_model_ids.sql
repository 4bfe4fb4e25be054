-- Rows of a security name their model in columns whose foreign key looked the model up for every row, which cost more
-- than storing the row. The same is guaranteed per statement: a row's model exists, and a model with rows stays.

CREATE FUNCTION require_models() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted integer;
    found boolean;
BEGIN
    FOR wanted IN SELECT DISTINCT model_id FROM changed LOOP
        -- Until this transaction ends, the model cannot be removed by another one.
        EXECUTE format('SELECT true FROM %I.models WHERE id = $1 FOR KEY SHARE', TG_TABLE_SCHEMA)
            INTO found USING wanted;
        IF found IS NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('a row of %I names a model that does not exist', TG_TABLE_NAME),
                DETAIL = format('Key (model_id)=(%s) is not present in table "models".', wanted),
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'model_id';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION require_models() IS 'Refuses a statement that writes rows of a model that does not exist.';

CREATE FUNCTION keep_models_of_rows() RETURNS trigger LANGUAGE plpgsql
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
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings'] LOOP
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
COMMENT ON FUNCTION keep_models_of_rows() IS 'Refuses a statement that takes away a model which has rows.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings'] LOOP
        EXECUTE format('CREATE TRIGGER models_insert AFTER INSERT ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models()', name);
        EXECUTE format('CREATE TRIGGER models_update AFTER UPDATE ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models()', name);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', name, name || '_model_id_fkey');
    END LOOP;
END
$$;
CREATE TRIGGER models_kept AFTER DELETE OR UPDATE OF id OR TRUNCATE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION keep_models_of_rows();
