"""The login that may only read the platform's tables, on a server of our own.

What a session that logged in as a superuser gave up (`SET ROLE`) it can take back; this one has
never had it. It sees since when other sessions write, without which reading as known at a moment
would wait for every writer. What does not belong here: which statements are let through at all
(`read_only.py`), and how the login is proved (`server_access.py`).
"""

from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError
from quant_platform.storage.server_access import READER

if TYPE_CHECKING:
    import psycopg2.extensions

LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "1h",
    "lock_timeout": "1min",
    "idle_in_transaction_session_timeout": "10min",
}
"""Settings of its sessions."""

_LACKING = """
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)
    OR NOT EXISTS (
        SELECT FROM pg_default_acl a JOIN pg_namespace n ON n.oid = a.defaclnamespace
        WHERE n.nspname = current_schema() AND a.defaclobjtype = 'r'
          AND a.defaclacl::text LIKE '%%' || %(role)s || '=r%%')
    OR EXISTS (
        SELECT FROM pg_class c, pg_roles r
        WHERE r.rolname = %(role)s AND c.relnamespace = quote_ident(current_schema())::regnamespace
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND NOT has_table_privilege(r.oid, c.oid, 'SELECT'))
"""

_MAKE = """
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('quant_platform_reader'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN;
    END IF;
    {limits}
    GRANT pg_read_all_stats TO {role};
    EXECUTE format('GRANT USAGE ON SCHEMA %1$I TO {role}', current_schema());
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO {role}', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT SELECT ON TABLES TO {role}',
        current_schema());
END $$
"""


def prepare_reader(connection: "psycopg2.extensions.connection") -> str:
    """Make the login and give it the tables of a database, those to come too, where it lacks them.

    Returns the schema of the tables.

    Parameters
    ----------
    connection : of the owner of the server, to the platform's database
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()::text")
        schema: str | None = cursor.fetchall()[0][0]
        if schema is None:
            raise DatabaseError("The database is empty", "Run: quant-platform demo")
        cursor.execute(_LACKING, {"role": READER})
        if cursor.fetchone() == (False,):
            return schema
        limits = " ".join(
            f"ALTER ROLE {READER} SET {name} = '{value}';" for name, value in LIMITS.items()
        )
        cursor.execute(_MAKE.format(role=READER, limits=limits))
    return schema
