-- The sealed hold-out: sessions that nobody's research may see until a study opens them once.

CREATE TABLE holdouts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_session  date NOT NULL,
    declared       text NOT NULL CHECK (declared <> ''),
    person         text NOT NULL,
    login          text NOT NULL DEFAULT session_user,
    created_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE holdouts IS 'Hold-outs that were declared; the earliest counts. Rows are never changed.';
COMMENT ON COLUMN holdouts.id IS 'Number of the row.';
COMMENT ON COLUMN holdouts.first_session IS 'First session that is sealed, with all that follow.';
COMMENT ON COLUMN holdouts.declared IS 'What QUANT_PLATFORM_HOLDOUT said: a session, or a number of last sessions, counted once.';
COMMENT ON COLUMN holdouts.person IS 'Who declared it, as their system calls them.';
COMMENT ON COLUMN holdouts.login IS 'Login of the database that wrote the row.';
COMMENT ON COLUMN holdouts.created_at IS 'When it was declared.';

CREATE TABLE unsealings (
    study_id    bigint PRIMARY KEY REFERENCES studies (id),
    trial_id    text NOT NULL REFERENCES trials (id),
    person      text NOT NULL,
    login       text NOT NULL DEFAULT session_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE unsealings IS 'Studies for which the hold-out was opened, each once and for one configuration. Rows are never changed.';
COMMENT ON COLUMN unsealings.study_id IS 'The study.';
COMMENT ON COLUMN unsealings.trial_id IS 'The configuration that may be run over the hold-out: this trial, in any window.';
COMMENT ON COLUMN unsealings.person IS 'Who opened it, as their system calls them.';
COMMENT ON COLUMN unsealings.login IS 'Login of the database that wrote the row.';
COMMENT ON COLUMN unsealings.created_at IS 'When it was opened.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['holdouts', 'unsealings'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I'
            ' FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END
$$;

CREATE FUNCTION holdout_session() RETURNS date LANGUAGE sql STABLE SECURITY DEFINER
AS 'SELECT min(first_session) FROM holdouts';
COMMENT ON FUNCTION holdout_session() IS 'First session that is sealed; null: none is.';

-- Only when there is a hold-out, and again when there are new tables: else no reader pays for it. The owner of the
-- tables, who computes the daily assets, is not concerned.
CREATE FUNCTION seal_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT c.relname AS name, c.relname = 'trial_runs' AS of_runs FROM pg_class AS c
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p')
          AND (c.relname = 'trial_runs' OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid
              AND a.attname = 'date' AND a.atttypid = 'date'::regtype AND NOT a.attisdropped))
          AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'sealed')
        ORDER BY 1
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', each.name);
        EXECUTE format('CREATE POLICY sealed ON %I USING (%s) WITH CHECK (true)', each.name,
            CASE WHEN each.of_runs THEN 'last_session < (SELECT coalesce(holdout_session(), ''infinity''))'
                ' OR study_id IN (SELECT study_id FROM unsealings)'
            ELSE 'date < (SELECT coalesce(holdout_session(), ''infinity''))' END);
    END LOOP;
    -- A view reads with the rights of its owner, whom no policy concerns.
    FOR each IN
        SELECT c.oid::regclass AS name, c.relacl, c.relowner FROM pg_class AS c
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind = 'v'
          AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
    LOOP
        IF current_setting('server_version_num')::integer >= 150000 THEN
            EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', each.name);
        ELSE
            -- Such a server cannot have it read with the reader's own: then nobody else may read it.
            EXECUTE (SELECT coalesce(string_agg(format('REVOKE ALL ON %s FROM %s;', each.name,
                CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END), ''), '')
                FROM aclexplode(each.relacl) AS a WHERE a.grantee <> each.relowner);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION seal_tables() IS 'Keeps everybody but the owner of the tables from rows of the hold-out, by row-level security.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['holdout_session', 'seal_tables'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION seal_tables() FROM PUBLIC;
