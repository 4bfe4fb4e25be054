from typing import Any

import pandas as pd
import pytest

from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Listed, Members
from quant_platform.storage.database import Database
from quant_platform.storage.members import member_since, securities_of
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform.storage.stored import Stored
from quant_platform_tests.support.tables import SESSIONS, TWO_DAYS, fetch

SPAN = Members(SESSIONS[0], SESSIONS[1])


def join(database: Database, day: str, symbol: str) -> None:
    """Make a security, which is called as its ticker is, a member of a session."""
    fetch(
        database,
        "INSERT INTO trading_universe (date, symbol, security_id, company_name, sector,"
        " listing_date, dollar_volume, dollar_volume_rank) VALUES (%s, %s, %s, 'x', 'x', %s, 1, 1)",
        *(day, symbol, symbol, day),
    )


def test_every_security_once_in_order(database: Database) -> None:
    for day, symbol in ((SESSIONS[0], "B"), (SESSIONS[1], "B"), (SESSIONS[1], "A")):
        join(database, day, symbol)
    join(database, "2004-08-23", "C")
    assert securities_of(database, SPAN) == ("A", "B")


def test_first_sessions_as_members(database: Database) -> None:
    for day, symbol in ((SESSIONS[1], "A"), (SESSIONS[0], "B"), (SESSIONS[1], "B")):
        join(database, day, symbol)
    first = {symbol: f"{day:%Y-%m-%d}" for symbol, day in member_since(database).items()}
    assert first == {"A": SESSIONS[1], "B": SESSIONS[0]}
    assert securities_of(database, Members(BEGINNING, SESSIONS[0])) == ("B",)
    assert securities_of(database, Members(BEGINNING, SESSIONS[1])) == ("A", "B")


def test_nobody_is_a_member_at_first(database: Database) -> None:
    assert securities_of(database, SPAN) == ()


def test_who_joins_is_seen_at_the_next_look(database: Database) -> None:
    join(database, SESSIONS[0], "A")
    assert securities_of(database, SPAN) == ("A",)
    join(database, SESSIONS[1], "B")
    assert securities_of(database, SPAN) == ("A", "B")
    fetch(database, "DELETE FROM trading_universe WHERE symbol = 'A'")
    assert securities_of(database, SPAN) == ("B",)


def test_the_universe_is_read_once_while_it_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(database, SESSIONS[0], "A")
    asked = []
    query = bulk.query

    def counting(database: Database, sql: str, *arguments: Any) -> pd.DataFrame:
        asked.append(sql)
        return query(database, sql, *arguments)

    monkeypatch.setattr(bulk, "query", counting)
    for _ in range(3):
        securities_of(database, SPAN)
    assert sum("FROM trading_universe" in sql for sql in asked) == 1


def test_rows_of_members_alone_are_read(database: Database) -> None:
    table = read_table(database, "market_data")
    replace_sessions(database, table, TWO_DAYS, SESSIONS)
    first, second = sorted(set(TWO_DAYS["security_id"]))
    by_list = bulk.read(database, table, *SESSIONS, members=Listed((first, "it's nobody")))
    assert set(by_list["security_id"]) == {first}
    assert bulk.read(database, table, *SESSIONS, members=Listed(())).empty
    join(database, SESSIONS[0], second)
    stored = Stored(database, table, SESSIONS[0], SESSIONS[1], members=SPAN)
    assert stored.read()["security_id"].tolist() == [second, second]
