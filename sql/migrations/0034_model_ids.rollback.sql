DROP TRIGGER models_kept ON models;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings'] LOOP
        EXECUTE format('DROP TRIGGER models_insert ON %I', name);
        EXECUTE format('DROP TRIGGER models_update ON %I', name);
        EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (model_id) REFERENCES models (id)', name);
    END LOOP;
END
$$;
DROP FUNCTION keep_models_of_rows();
DROP FUNCTION require_models();
