-- Which database this is, and a version of each year of the tables whose rows are kept outside of it.

CREATE TABLE database_identity (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
COMMENT ON TABLE database_identity IS 'One row, made with the tables: by it, copies of rows outside of the database know whose they are.';
COMMENT ON COLUMN database_identity.id IS 'Random.';

INSERT INTO database_identity DEFAULT VALUES;

CREATE TABLE table_versions (
    table_name text    NOT NULL,
    year       integer NOT NULL,
    version    uuid    NOT NULL,
    PRIMARY KEY (table_name, year)
);
COMMENT ON TABLE table_versions IS 'Version of the rows of a year, renewed in the transaction that changes one of them. A year without a row is as it was when this table was made.';
COMMENT ON COLUMN table_versions.table_name IS 'A table with the triggers versions_*.';
COMMENT ON COLUMN table_versions.year IS 'Year of the column date.';
COMMENT ON COLUMN table_versions.version IS 'Random, so that a database that was copied or restored never has one again.';

-- By triggers, so that what a person writes counts, too.
CREATE FUNCTION renew_table_versions() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first integer;
    last integer;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('UPDATE %I.table_versions SET version = gen_random_uuid()'
            ' WHERE table_name = $1', TG_TABLE_SCHEMA) USING TG_TABLE_NAME;
        RETURN NULL;
    END IF;
    SELECT extract(year FROM min(date)), extract(year FROM max(date)) INTO first, last FROM changed;
    IF first IS NOT NULL THEN
        EXECUTE format('INSERT INTO %I.table_versions'
            ' SELECT $1, year, gen_random_uuid() FROM generate_series($2, $3) AS years (year)'
            ' ON CONFLICT (table_name, year) DO UPDATE SET version = excluded.version',
            TG_TABLE_SCHEMA) USING TG_TABLE_NAME, first, last;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION renew_table_versions() IS 'Renews the versions of the years that a statement changed.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['market_data', 'corporate_actions', 'trading_universe', 'news', 'features'] LOOP
        EXECUTE format('CREATE TRIGGER versions_insert AFTER INSERT ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_delete AFTER DELETE ON %I'
            ' REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        -- Two triggers for an update, since a row may move from one year to another.
        EXECUTE format('CREATE TRIGGER versions_update_from AFTER UPDATE ON %I'
            ' REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_update_to AFTER UPDATE ON %I'
            ' REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
        EXECUTE format('CREATE TRIGGER versions_truncate AFTER TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION renew_table_versions()', name);
    END LOOP;
END
$$;
