"""A failure names the ticker of its session, however long the run is that finds it."""

from datetime import date
from pathlib import Path

import pytest

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import CheckContext
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.sample import SampleVendor

ROWS = """
INSERT INTO security_symbols (date, symbol, security_id, reason) VALUES
    ('2022-01-03', 'FB', 'meta', 'new'),
    ('2022-01-03', 'META', 'fund', 'new'),
    ('2022-01-31', 'META', NULL, 'retired'),
    ('2022-06-09', 'FB', NULL, 'renamed'),
    ('2022-06-09', 'META', 'meta', 'renamed')
"""
"""Facebook became META on 9 June 2022, a ticker that had been a fund's until that January."""


@pytest.mark.parametrize("last", [date(2022, 6, 8), date(2022, 6, 30)])
def test_a_later_rename_changes_nothing(database: Database, tmp_path: Path, last: date) -> None:
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(ROWS)
    finally:
        connection.close()
    platform = Platform(Settings.load({"DATABASE_URL": database.url}, tmp_path), SampleVendor())
    sessions = [day.isoformat() for day in platform.calendar.sessions(date(2022, 6, 1), last)]
    context = CheckContext(platform, sessions, 1)
    assert context.ticker("meta", "2022-06-08") == "FB"
    assert context.ticker("fund", "2022-06-08") == "META"
    assert context.ticker("nobody", "2022-06-08") == "nobody"
    if last > date(2022, 6, 9):
        assert context.ticker("meta", "2022-06-09") == "META"
