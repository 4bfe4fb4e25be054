DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT p.polrelid::regclass AS name FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND p.polname = 'sealed'
    LOOP
        EXECUTE format('DROP POLICY sealed ON %s', each.name);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', each.name);
    END LOOP;
    FOR each IN
        SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = quote_ident(current_schema())::regnamespace AND 'security_invoker=true' = ANY (reloptions)
    LOOP
        EXECUTE format('ALTER VIEW %s RESET (security_invoker)', each.name);
    END LOOP;
END
$$;
DROP FUNCTION seal_tables();
DROP FUNCTION holdout_session();
DROP TABLE unsealings, holdouts;
