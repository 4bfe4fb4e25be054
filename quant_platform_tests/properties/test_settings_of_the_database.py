"""Law 6: what a database or a role sets for its own programs changes nothing that we store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, dump, run
from quant_platform_tests.support.tables import fetch

LAST = "2004-08-13"

SETTINGS = {
    "datestyle": "SQL, DMY",
    "timezone": "Asia/Tokyo",
    "intervalstyle": "iso_8601",
    "standard_conforming_strings": "off",
    "extra_float_digits": "-10",
    "client_encoding": "LATIN1",
}


@pytest.fixture
def awkward(new_database: Callable[[str | None], Database], base: str) -> Database:
    """Copy of `base` whose settings are unlike those of any other database."""
    database = new_database(base)
    name = fetch(database, "SELECT current_database()::text")[0][0]
    for setting, value in SETTINGS.items():
        fetch(database, f"ALTER DATABASE {name} SET {setting} = '{value}'")
    database.engine.dispose()
    database.close_idle()
    return database


def test_the_same_rows(fresh: Database, awkward: Database, tmp_path: Path) -> None:
    for database, home in ((fresh, "one"), (awkward, "two")):
        (tmp_path / home).mkdir()
        assert run(database, tmp_path / home, FIRST, LAST).success
    assert dump(awkward, LAST) == dump(fresh, LAST)


def test_every_way_in_has_the_settings_that_are_relied_on(awkward: Database) -> None:
    shown = "SELECT name || '=' || setting FROM pg_settings WHERE name = ANY (%s) ORDER BY 1"
    names = "{DateStyle,TimeZone,IntervalStyle,extra_float_digits,client_encoding}"
    expected = [
        ("client_encoding=UTF8",),
        ("DateStyle=ISO, MDY",),
        ("extra_float_digits=1",),
        ("IntervalStyle=postgres",),
        ("TimeZone=UTC",),
    ]
    assert sorted(fetch(awkward, shown, names)) == sorted(expected)
    with awkward.engine.connect() as connection:
        rows = connection.exec_driver_sql(shown, (names,)).all()
    assert sorted(tuple(row) for row in rows) == sorted(expected)
    with awkward.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(shown.replace("%s", "$1::text::text[]"), (names,))
        assert sorted(cursor.fetchall()) == sorted(expected)
    assert fetch(awkward, "SELECT 'Zürich – €'") == [("Zürich – €",)]
