-- Data of the user's own, by the session from which it is known; and versions of the tables of feature sets that were made
-- before these had any, so that what notebooks read of them is kept.

CREATE TABLE own_data (
    date         date NOT NULL,
    dataset      text NOT NULL CHECK (dataset ~ '^[a-z][a-z0-9_]*$'),
    field        text NOT NULL CHECK (field ~ '^[a-z][a-z0-9_]*$'),
    security_id  text NOT NULL,
    observed_on  date NOT NULL,
    known_at     timestamptz NOT NULL,
    symbol       text NOT NULL,
    value        double precision NOT NULL CHECK (abs(value) < 'Infinity'),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, dataset, field, security_id, observed_on, known_at),
    CHECK ((security_id = '') = (symbol = ''))
);
COMMENT ON TABLE own_data IS 'Data of the user''s own, from the files of QUANT_PLATFORM_OWN_DATA: a row per value and revision.';
COMMENT ON COLUMN own_data.date IS 'Session from which the value is known: the first that closes at or after known_at.';
COMMENT ON COLUMN own_data.dataset IS 'Name of the file, without its ending.';
COMMENT ON COLUMN own_data.field IS 'Column of the file.';
COMMENT ON COLUMN own_data.security_id IS 'The security that the ticker meant in the session; empty: the value is of the market.';
COMMENT ON COLUMN own_data.observed_on IS 'Day whose value it is.';
COMMENT ON COLUMN own_data.known_at IS 'When the value became known. A later one of the same day is a revision.';
COMMENT ON COLUMN own_data.symbol IS 'Ticker that the file names; empty: none.';
COMMENT ON COLUMN own_data.value IS 'The value, in the file''s unit.';
COMMENT ON COLUMN own_data.recorded_at IS 'When the platform learned it.';

CREATE TABLE own_data_history (LIKE own_data INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE own_data_history IS 'Rows of own_data that were replaced or removed.';
COMMENT ON COLUMN own_data_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX own_data_history_date ON own_data_history (date);

ALTER TABLE quarantine ADD COLUMN mended_at timestamptz;
COMMENT ON COLUMN quarantine.mended_at IS 'When the file was read without the row, mended or taken out; null: it stands, or came from a vendor, of whom that is not known.';

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT table_name FROM feature_sets WHERE table_name <> 'features' UNION ALL SELECT 'own_data' LOOP
        EXECUTE format('CREATE TRIGGER versions_insert AFTER INSERT ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_delete AFTER DELETE ON %I'
            ' REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_update_from AFTER UPDATE ON %I'
            ' REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_update_to AFTER UPDATE ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_truncate AFTER TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        -- Rows that are there already, and may be others than when a rollback took the triggers away.
        EXECUTE format('INSERT INTO table_versions SELECT %L, year, gen_random_uuid()'
            ' FROM (SELECT extract(year FROM min(date))::int AS first, extract(year FROM max(date))::int AS last FROM %I) AS t'
            ' CROSS JOIN LATERAL generate_series(t.first, t.last) AS years (year)', name, name);
    END LOOP;
END
$$;
