"""Columns of years: what is read, what is kept, and when it is read anew."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_platform.market.panel import Panel
from quant_platform.storage import bulk, columnar
from quant_platform.storage.cache import ColumnCache
from quant_platform.storage.columnar import Columns, read_columns
from quant_platform.storage.database import Database
from quant_platform.storage.frames import decoded
from quant_platform.storage.migrations import sql_folder, upgrade
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import bars, fetch

DAYS = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2009-10-01", "2011-04-15")]
SYMBOLS = ("B", "A", "Ω")
NAMES = ("date", "symbol", "security_id", "close_price", "volume")
WHOLE = (date(2009, 10, 1), date(2011, 4, 15))


@pytest.fixture
def market(database: Database) -> Database:
    """Three securities over three years; a close is its row's number."""
    rows = [
        (day, symbol, float(3 * at + number))
        for at, day in enumerate(DAYS)
        for number, symbol in enumerate(SYMBOLS, 1)
    ]
    replace_sessions(database, read_table(database, "market_data"), bars(*rows), DAYS)
    return database


@pytest.fixture
def cache(tmp_path: Path) -> ColumnCache:
    return ColumnCache(tmp_path / "cache", 2**30)


def closes(database: Database, cache: ColumnCache | None, *days: date) -> pa.Table:
    table = read_table(database, "market_data")
    first, last = days or WHOLE
    return read_columns(database, Columns(table, NAMES, first, last), cache)


def close_on(database: Database, cache: ColumnCache, day: str) -> float:
    frame = decoded(closes(database, cache))
    return float(
        frame.loc[(frame["date"] == day) & (frame["symbol"] == "A"), "close_price"].iloc[0]
    )


def files(cache: ColumnCache) -> list[Path]:
    return sorted(cache.folder.rglob("*.arrow"))


def write_unnoticed(database: Database, price: float) -> None:
    """Change a close as nobody can: what is read of it later shows where it was read from."""
    fetch(
        database,
        "ALTER TABLE market_data DISABLE TRIGGER versions_update_from,"
        " DISABLE TRIGGER versions_update_to;"
        " UPDATE market_data SET close_price = %s, high_price = 1e6, low_price = 0.1"
        " WHERE date = '2010-05-03' AND symbol = 'A';"
        " ALTER TABLE market_data ENABLE TRIGGER versions_update_from,"
        " ENABLE TRIGGER versions_update_to",
        price,
    )


def test_the_rows_are_those_of_the_table(market: Database, cache: ColumnCache) -> None:
    table = read_table(market, "market_data")
    for days in (
        WHOLE,
        (date(2010, 2, 1), date(2010, 2, 26)),
        (date(2001, 1, 1), date(2031, 1, 1)),
    ):
        expected = bulk.read(market, table, *(day.isoformat() for day in days), columns=NAMES)
        for _ in range(2):  # read, and from the cache
            pd.testing.assert_frame_equal(decoded(closes(market, cache, *days)), expected)


def test_several_connections_read_the_same(
    market: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decoded(closes(market, None))
    monkeypatch.setattr(columnar, "LARGE", 0)
    monkeypatch.setattr(columnar, "connections", lambda: 3)
    pd.testing.assert_frame_equal(decoded(closes(market, None)), expected)


def test_a_year_is_read_once(market: Database, cache: ColumnCache) -> None:
    first = close_on(market, cache, "2010-05-03")
    write_unnoticed(market, 7.0)
    assert close_on(market, cache, "2010-05-03") == first
    assert len(files(cache)) == 3


def test_fewer_columns_are_found_in_more(market: Database, cache: ColumnCache) -> None:
    closes(market, cache)
    table = read_table(market, "market_data")
    read_columns(market, Columns(table, ["volume"], *WHOLE), cache)
    assert len(files(cache)) == 3
    read_columns(market, Columns(table, ["open_price"], *WHOLE), cache)
    assert len(files(cache)) == 6


def test_a_correction_is_read_anew_and_its_year_alone(market: Database, cache: ColumnCache) -> None:
    closes(market, cache)
    before = files(cache)
    # By hand, past the platform.
    fetch(
        market,
        "UPDATE market_data SET close_price = 12.5, high_price = 1e6, low_price = 0.1"
        " WHERE date = '2010-05-03' AND symbol = 'A'",
    )
    assert close_on(market, cache, "2010-05-03") == 12.5
    after = files(cache)
    assert len(after) == 3, "the older version is gone"
    assert {path for path in before if ".2010." not in str(path)} < set(after)


def test_rows_that_come_and_go_are_seen(market: Database, cache: ColumnCache) -> None:
    table = read_table(market, "market_data")
    closes(market, cache)
    replace_sessions(market, table, bars(("2010-05-03", "A", 3.0)), ["2010-05-03"])
    assert closes(market, cache).num_rows == 3 * len(DAYS) - 2
    fetch(market, "UPDATE market_data SET date = '2011-04-16' WHERE date = '2010-05-03'")
    assert closes(market, cache).num_rows == 3 * len(DAYS) - 3
    fetch(market, "TRUNCATE market_data")
    assert closes(market, cache).num_rows == 0


def test_equal_rows_change_no_version(market: Database) -> None:
    table = read_table(market, "market_data")
    again = bulk.read(market, table, DAYS[0], DAYS[-1])
    before = fetch(market, "SELECT * FROM table_versions ORDER BY 1, 2")
    assert [year for _, year, _ in before] == [2009, 2010, 2011]
    assert replace_sessions(market, table, again, DAYS).unchanged == 3 * len(DAYS)
    assert fetch(market, "SELECT * FROM table_versions ORDER BY 1, 2") == before


def test_a_failed_change_changes_no_version(market: Database) -> None:
    before = fetch(market, "SELECT * FROM table_versions ORDER BY 1, 2")
    connection = market.connect()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_data")
    connection.rollback()
    connection.close()
    assert fetch(market, "SELECT * FROM table_versions ORDER BY 1, 2") == before


def test_a_short_range_is_not_kept(market: Database, cache: ColumnCache) -> None:
    assert closes(market, cache, date(2010, 5, 3), date(2010, 5, 28)).num_rows == 60
    assert files(cache) == []


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)


def _of_another_format(path: Path) -> None:
    data = pa.ipc.open_file(path).read_all().replace_schema_metadata({"quant_platform": "0"})
    with pa.ipc.new_file(path, data.schema) as writer:
        writer.write_table(data)


@pytest.mark.parametrize("spoil", [_cut_off, _empty, _foreign, _of_another_format])
def test_a_spoilt_file_is_read_anew(
    market: Database, cache: ColumnCache, spoil: Callable[[Path], None]
) -> None:
    expected = decoded(closes(market, cache))
    for path in files(cache):
        # Under a new file: the old one is mapped by this process still.
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        spoil(path)
    pd.testing.assert_frame_equal(decoded(closes(market, cache)), expected)
    assert len(files(cache)) == 3
    write_unnoticed(market, 7.0)
    pd.testing.assert_frame_equal(decoded(closes(market, cache)), expected)


def test_where_nothing_can_be_written_it_is_said_once(
    market: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = ColumnCache(tmp_path / "file" / "cache", 2**30)
    with caplog.at_level(logging.WARNING):
        assert closes(market, cache).num_rows == closes(market, cache).num_rows == 3 * len(DAYS)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"Nothing is kept in {cache.folder} (Not a directory): ")


def test_nothing_is_kept_where_nothing_may_be(market: Database, tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "cache", 0)
    assert closes(market, cache).num_rows == 3 * len(DAYS)
    assert not cache.folder.exists()


def test_what_was_not_used_for_longest_goes_first(market: Database, cache: ColumnCache) -> None:
    closes(market, cache)
    paths = {path.parent.name.split(".")[1]: path for path in files(cache)}
    for year, age in (("2009", 30), ("2010", 10), ("2011", 20)):
        os.utime(paths[year], (time.time() - age,) * 2)
    closes(market, cache, date(2009, 10, 1), date(2009, 12, 31))  # used now
    size = sum(path.stat().st_size for path in files(cache))
    (cache.folder / "left.draft").write_text("of a process that was killed")
    os.utime(cache.folder / "left.draft", (0.0, 0.0))
    ColumnCache(cache.folder, size - 1).prune()
    assert {path.parent.name.split(".")[1] for path in files(cache)} == {"2009", "2010"}
    assert not (cache.folder / "left.draft").exists()


def test_a_table_without_triggers_is_not_kept(market: Database, cache: ColumnCache) -> None:
    fetch(market, "ALTER TABLE market_data DISABLE TRIGGER versions_insert")
    closes(market, cache)
    fetch(market, "ALTER TABLE market_data ENABLE TRIGGER versions_insert")
    assert files(cache) == []


def test_a_database_of_before_is_read(empty_database: Database, cache: ColumnCache) -> None:
    upgrade(empty_database)
    fetch(empty_database, (sql_folder() / "migrations" / "0019_versions.rollback.sql").read_text())
    table = read_table(empty_database, "market_data")
    replace_sessions(empty_database, table, bars(("2010-05-03", "A", 3.0)), ["2010-05-03"])
    assert closes(empty_database, cache).num_rows == 1
    assert files(cache) == []


def test_a_copy_of_a_database_is_another_one_once_it_differs(
    new_database: Callable[[str | None], Database], cache: ColumnCache
) -> None:
    one, other = new_database(None), new_database(None)
    ids = [fetch(each, "SELECT id FROM database_identity") for each in (one, other)]
    assert ids[0] == ids[1], "copied by the server"
    for database, price in ((one, 3.0), (other, 4.0)):
        table = read_table(database, "market_data")
        replace_sessions(database, table, bars(("2010-05-03", "A", price)), ["2010-05-03"])
    for database, price in ((one, 3.0), (other, 4.0), (one, 3.0)):
        assert close_on(database, cache, "2010-05-03") == price


def test_migrated_again_it_is_another_database(empty_database: Database) -> None:
    upgrade(empty_database)
    before = fetch(empty_database, "SELECT id FROM database_identity")
    folder = sql_folder() / "migrations"
    fetch(empty_database, (folder / "0019_versions.rollback.sql").read_text())
    fetch(empty_database, (folder / "0019_versions.sql").read_text().replace("%", "%%"))
    assert fetch(empty_database, "SELECT id FROM database_identity") != before


def test_a_panel_of_columns_is_that_of_rows(market: Database, cache: ColumnCache) -> None:
    names = [*NAMES, "open_price", "high_price", "low_price"]
    table = read_table(market, "market_data")
    columns = read_columns(market, Columns(table, names, *WHOLE), cache)
    rows = bulk.read(market, table, DAYS[0], DAYS[-1])
    sessions = np.asarray(DAYS[3:-2], dtype="datetime64[D]")
    one, other = (Panel.from_frames(each, None, sessions) for each in (columns, rows))
    assert one.security_ids == other.security_ids == ("A", "B", "Ω")
    for name in ("open", "close", "volume", "traded", "member"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


READER = """
import sys
from datetime import date
from pathlib import Path
from quant_platform.storage.cache import ColumnCache
from quant_platform.storage.columnar import Columns, read_columns
from quant_platform.storage.database import Database
from quant_platform.storage.schema import read_table

database = Database(sys.argv[1])
table = read_table(database, "market_data")
cache = ColumnCache(Path(sys.argv[2]), 2**30)
wanted = Columns(table, ["close_price"], date(2009, 1, 1), date(2012, 1, 1))
for _ in range(20):
    found = read_columns(database, wanted, cache)
    prices = set(found.column("close_price").to_pylist())
    assert prices in ({1.0}, {2.0}), prices
"""


def test_processes_read_write_and_delete_at_once(market: Database, cache: ColumnCache) -> None:
    """All closes change in one transaction, so that a reader sees one price and never two."""
    change = (
        "UPDATE market_data SET close_price = {0}, high_price = 9, low_price = 0.1, open_price = 1"
    )
    fetch(market, change.format(1))
    command = [sys.executable, "-c", READER, market.url, str(cache.folder)]
    readers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    price = 1
    while any(reader.poll() is None for reader in readers):
        price = 3 - price
        fetch(market, change.format(price))
        for path in files(cache)[:1]:
            path.unlink(missing_ok=True)
    for reader in readers:
        _, errors = reader.communicate()
        assert reader.returncode == 0, errors
