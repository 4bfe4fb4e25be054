import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError, QuantPlatformError
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.storage.replace import Replaced, replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import (
    SESSIONS,
    TWO_DAYS,
    bars,
    closes,
    content,
    fetch,
    signals,
)

Replace = Callable[..., Replaced]


@pytest.fixture
def replace(database: Database) -> Replace:
    """Replace sessions of `market_data` in the test's database."""
    table = read_table(database, "market_data")

    def run(frame: pd.DataFrame, sessions: list[str] = SESSIONS, **options: object) -> Replaced:
        return replace_sessions(database, table, frame, sessions, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def models(database: Database) -> tuple[int, int]:
    records = [ModelRecord(name, "1", "", {}, is_benchmark=False) for name in ("one", "two")]
    ids = register_models(database, records)
    return ids["one"], ids["two"]


def test_first_load(database: Database, replace: Replace) -> None:
    assert replace(TWO_DAYS) == Replaced(inserted=4, superseded=0, unchanged=0, quarantined=0)
    assert closes(database) == {
        ("2004-08-19", "A"): 10.0,
        ("2004-08-19", "B"): 20.0,
        ("2004-08-20", "A"): 11.0,
        ("2004-08-20", "B"): 21.0,
    }
    assert content(database, "market_data_history") == []


def test_the_same_again_touches_nothing(database: Database, replace: Replace) -> None:
    replace(TWO_DAYS)
    before = content(database, "market_data")
    again = replace(TWO_DAYS.sample(frac=1, random_state=1))
    assert again == Replaced(inserted=0, superseded=0, unchanged=4, quarantined=0)
    assert content(database, "market_data") == before
    assert content(database, "market_data_history") == []


def test_change_removal_and_addition(database: Database, replace: Replace) -> None:
    replace(TWO_DAYS)
    old = {row[0].split(",")[1]: row for row in content(database, "market_data")}
    clock = "SELECT symbol, recorded_at FROM market_data WHERE date = '2004-08-19'"
    learned = dict(fetch(database, clock))
    # A changes, B is gone, C is new; the 20th is left alone.
    done = replace(bars(("2004-08-19", "A", 10.5), ("2004-08-19", "C", 30.0)), ["2004-08-19"])
    assert done == Replaced(inserted=2, superseded=2, unchanged=0, quarantined=0)
    assert done.stored == 2
    assert closes(database) == {
        ("2004-08-19", "A"): 10.5,
        ("2004-08-19", "C"): 30.0,
        ("2004-08-20", "A"): 11.0,
        ("2004-08-20", "B"): 21.0,
    }
    assert closes(database, "market_data_history") == {
        ("2004-08-19", "A"): 10.0,
        ("2004-08-19", "B"): 20.0,
    }
    archived = fetch(
        database, "SELECT symbol, recorded_at, superseded_at FROM market_data_history ORDER BY 1"
    )
    assert [(symbol, recorded) for symbol, recorded, _ in archived] == sorted(learned.items())
    now = dict(fetch(database, clock))
    # A row was superseded at the very moment the newer one was recorded: no gap between them.
    assert {gone for _, _, gone in archived} == {now["A"]} == {now["C"]}
    assert now["A"] > learned["A"]
    assert old


def test_only_the_changed_row_moves(database: Database, replace: Replace) -> None:
    replace(TWO_DAYS)
    clock = "SELECT date::text, symbol, recorded_at FROM market_data ORDER BY 1, 2"
    before = fetch(database, clock)
    changed = TWO_DAYS.copy()
    changed.loc[3, "volume"] = 101.0
    assert replace(changed) == Replaced(inserted=1, superseded=1, unchanged=3, quarantined=0)
    after = fetch(database, clock)
    assert after[:3] == before[:3]
    assert after[3] > before[3]


def test_as_known_at_a_moment(database: Database, replace: Replace) -> None:
    """The two clocks give back every earlier state."""
    states, moments = [], []
    for close in (10.0, 10.5, 11.0):
        frame = bars(("2004-08-19", "A", close)) if close != 10.5 else TWO_DAYS[:0]
        replace(frame, ["2004-08-19"])
        states.append(closes(database))
        moments.append(fetch(database, "SELECT clock_timestamp()")[0][0])
    known = """
        SELECT date::text, symbol, close_price FROM market_data WHERE recorded_at <= %s
        UNION ALL SELECT date::text, symbol, close_price FROM market_data_history
        WHERE recorded_at <= %s AND superseded_at > %s
    """
    for state, moment in zip(states, moments, strict=True):
        rows = fetch(database, known, moment, moment, moment)
        assert {(day, symbol): close for day, symbol, close in rows} == state


def test_a_null_is_a_value_like_others(database: Database, replace: Replace) -> None:
    frame = bars(("2004-08-19", "A", 10.0))
    replace(frame)
    assert replace(frame).unchanged == 1
    assert replace(frame.assign(vendor_adjusted_close=5.0)).superseded == 1
    assert replace(frame).superseded == 1
    assert len(content(database, "market_data_history")) == 2


def test_an_empty_frame_empties_the_sessions(database: Database, replace: Replace) -> None:
    assert replace(TWO_DAYS[:0]) == Replaced(0, 0, 0, 0)
    replace(TWO_DAYS)
    assert replace(TWO_DAYS[:0], ["2004-08-20"]) == Replaced(0, 2, 0, 0)
    assert sorted(closes(database)) == [("2004-08-19", "A"), ("2004-08-19", "B")]
    assert len(content(database, "market_data_history")) == 2


def test_no_session_at_all(database: Database, replace: Replace) -> None:
    replace(TWO_DAYS)
    assert replace(TWO_DAYS[:0], []) == Replaced(0, 0, 0, 0)
    assert len(closes(database)) == 4


NEGATIVE = bars(("2004-08-19", "A", 10.0), ("2004-08-19", "B", -1.0))
BAD_ROWS = {
    "negative price": (NEGATIVE, "close_price"),
    "zero price": (bars(("2004-08-19", "B", 0.0)), "close_price"),
    "infinite price": (bars(("2004-08-19", "B", np.inf)), "close_price"),
    "no price": (bars(("2004-08-19", "B", np.nan)), "close_price is missing"),
    "negative volume": (bars(("2004-08-19", "B", 9.0)).assign(volume=-1.0), "volume"),
    "no source": (bars(("2004-08-19", "B", 9.0)).assign(source=None), "source is missing"),
    "no symbol": (bars(("2004-08-19", "B", 9.0)).assign(symbol=None), "symbol is missing"),
    "high below low": (bars(("2004-08-19", "B", 9.0)).assign(high_price=8.0), "high_price"),
    "low above close": (bars(("2004-08-19", "B", 9.0)).assign(low_price=9.5), "low_price"),
    "duplicate": (
        bars(("2004-08-19", "B", 9.0), ("2004-08-19", "B", 9.1)),
        "the key occurs more than once",
    ),
    "exact duplicate": (
        bars(("2004-08-19", "B", 9.0), ("2004-08-19", "B", 9.0)),
        "the key occurs more than once",
    ),
}


@pytest.mark.parametrize("stored", [False, True], ids=["first load", "again"])
@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_refuses_a_computed_frame(
    database: Database, replace: Replace, name: str, stored: bool
) -> None:
    if stored:
        replace(TWO_DAYS)
    before = content(database, "market_data")
    frame, reason = BAD_ROWS[name]
    with pytest.raises(ContractError, match=reason):
        replace(frame)
    assert content(database, "market_data") == before
    assert content(database, "market_data_history") == []
    assert content(database, "quarantine") == []


@pytest.mark.parametrize("stored", [False, True], ids=["first load", "again"])
@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_of_a_vendor_is_set_aside(
    database: Database, replace: Replace, name: str, stored: bool
) -> None:
    good = bars(("2004-08-19", "G", 50.0))
    if stored:
        replace(good)
    frame, reason = BAD_ROWS[name]
    bad = frame[frame["symbol"] != "A"]
    done = replace(pd.concat([good, bad]), quarantine=True, run_id="run-1")
    assert (done.stored, done.quarantined) == (1, len(bad))
    assert done.unchanged == (1 if stored else 0)
    assert closes(database) == {("2004-08-19", "G"): 50.0}
    rows = fetch(
        database, "SELECT table_name, date::text, symbol, reason, row, run_id FROM quarantine"
    )
    # Equal rows for the same reason are one entry.
    assert len(rows) == len(bad.drop_duplicates())
    for table, day, symbol, why, row, run in rows:
        assert (table, day, run) == ("market_data", "2004-08-19", "run-1")
        assert symbol == (None if name == "no symbol" else "B")
        assert reason in why
        assert row["date"] == "2004-08-19"
        assert "recorded_at" not in row


def test_every_broken_rule_is_named(database: Database, replace: Replace) -> None:
    bad = bars(("2004-08-19", "B", -1.0)).assign(volume=-5.0, source=None)
    replace(bad, quarantine=True)
    reason = fetch(database, "SELECT reason FROM quarantine")[0][0]
    for name in ("open_price", "close_price", "volume", "source is missing"):
        assert name in reason


def test_quarantine_is_idempotent(database: Database, replace: Replace) -> None:
    bad = bars(("2004-08-19", "A", 10.0), ("2004-08-19", "B", -1.0))
    replace(bad, quarantine=True, run_id="run-1")
    before = {table: content(database, table) for table in ("market_data", "quarantine")}
    done = replace(bad, quarantine=True, run_id="run-2")
    assert done == Replaced(inserted=0, superseded=0, unchanged=1, quarantined=1)
    after = {table: content(database, table) for table in ("market_data", "quarantine")}
    assert after == before


def test_a_row_that_went_bad_leaves_the_table(database: Database, replace: Replace) -> None:
    """The vendor now says something else: the old row is history, the new one quarantined."""
    replace(TWO_DAYS)
    bad = TWO_DAYS.copy()
    bad.loc[0, "volume"] = -1.0
    done = replace(bad, quarantine=True)
    assert done == Replaced(inserted=0, superseded=1, unchanged=3, quarantined=1)
    assert closes(database, "market_data_history") == {("2004-08-19", "A"): 10.0}


@pytest.mark.parametrize("quarantine", [False, True])
def test_a_row_of_another_session_refuses_the_frame(
    database: Database, replace: Replace, quarantine: bool
) -> None:
    with pytest.raises(ContractError, match="outside its sessions"):
        replace(TWO_DAYS, ["2004-08-19"], quarantine=quarantine, run_id="run-1")
    assert closes(database) == {}
    # What a vendor sent is kept all the same.
    assert len(content(database, "quarantine")) == (4 if quarantine else 0)


@pytest.mark.parametrize(
    "frame",
    [
        TWO_DAYS.drop(columns="volume"),
        TWO_DAYS.assign(extra=1),
        TWO_DAYS.assign(close_price="12.5"),
        TWO_DAYS.assign(date="2004-08-19"),
        TWO_DAYS.assign(date=None),
        pd.concat([TWO_DAYS, TWO_DAYS[["volume"]]], axis=1),
    ],
    ids=["missing column", "unknown column", "text", "date as text", "no date", "column twice"],
)
def test_a_frame_that_cannot_be_typed_is_kept_whole(
    database: Database, replace: Replace, frame: pd.DataFrame
) -> None:
    for _ in range(2):
        with pytest.raises(ContractError) as caught:
            replace(frame, quarantine=True, run_id="run-1")
    kept = fetch(database, "SELECT reason, row FROM quarantine")
    assert len(kept) == 4
    assert {reason for reason, _ in kept} == {caught.value.message}
    assert {row["symbol"] for _, row in kept} == {"A", "B"}
    assert closes(database) == {}


def test_scope_keeps_to_its_own_part(database: Database, models: tuple[int, int]) -> None:
    table, (one, two) = read_table(database, "signals"), models
    for model in (one, two):
        replace_sessions(database, table, signals(model), SESSIONS, scope={"model_id": model})
    done = replace_sessions(database, table, signals(one)[:0], SESSIONS, scope={"model_id": one})
    assert done == Replaced(0, 1, 0, 0)
    assert fetch(database, "SELECT model_id FROM signals") == [(two,)]


def test_scope_by_text(database: Database) -> None:
    table = read_table(database, "alerts")
    alert = pd.DataFrame(
        {
            "date": pd.to_datetime(["2004-08-19"]),
            "origin": ["report"],
            "rule": ["o'clock"],
            "subject": ["x"],
            "severity": ["info"],
            "message": ["m"],
            "value": [1.0],
            "threshold": [None],
        }
    )
    fetch(
        database,
        "INSERT INTO alerts (date, origin, rule, subject, severity, message)"
        " VALUES ('2004-08-19', 'run', 'run_failed', 'r', 'critical', 'm')",
    )
    replace_sessions(database, table, alert, SESSIONS, scope={"origin": "report"})
    replace_sessions(database, table, alert[:0], SESSIONS, scope={"origin": "report"})
    assert fetch(database, "SELECT origin FROM alerts") == [("run",)]


def test_rows_of_another_scope_are_refused(database: Database, models: tuple[int, int]) -> None:
    table, (one, two) = read_table(database, "signals"), models
    with pytest.raises(ContractError, match="model_id is not"):
        replace_sessions(database, table, signals(two), SESSIONS, scope={"model_id": one})
    assert content(database, "signals") == []


def test_a_row_of_a_model_that_is_not_there(database: Database) -> None:
    with pytest.raises(QuantPlatformError):
        replace_sessions(database, read_table(database, "signals"), signals(99), SESSIONS)
    assert content(database, "signals") == []


def test_json(database: Database, models: tuple[int, int]) -> None:
    table, one = read_table(database, "signals"), models[0]
    document = {"a": [1, 2.5, None], "ü": 'O\'Neill \\ "q" \t', "n": {"x": 0.1}}
    rows = signals(one, metadata=json.dumps(document, ensure_ascii=False))
    replace_sessions(database, table, rows, SESSIONS)
    assert fetch(database, "SELECT metadata FROM signals") == [(document,)]
    spaced = signals(one, metadata=json.dumps(dict(reversed(document.items())), indent=2))
    assert replace_sessions(database, table, spaced, SESSIONS).unchanged == 1
    back = bulk.read(database, table, *SESSIONS)["metadata"].iloc[0]
    assert json.loads(back) == document


@pytest.mark.parametrize("text", ["{", "", "NaN", '{"a": Infinity}', '{"a": "\\u0000"}'])
@pytest.mark.parametrize("stored", [False, True])
def test_text_that_is_no_json(
    database: Database, models: tuple[int, int], text: str, stored: bool
) -> None:
    table, one = read_table(database, "signals"), models[0]
    if stored:
        replace_sessions(database, table, signals(one), SESSIONS)
    before = content(database, "signals")
    with pytest.raises(ContractError):
        replace_sessions(database, table, signals(one, metadata=text), SESSIONS)
    assert content(database, "signals") == before


def test_text_with_a_zero_byte_is_refused(database: Database, replace: Replace) -> None:
    with pytest.raises(ContractError):
        replace(bars(("2004-08-19", "A\0", 10.0)))
    assert closes(database) == {}


def test_symbols_with_quotes_and_other_alphabets(database: Database, replace: Replace) -> None:
    frame = bars(("2004-08-19", "O'B\"\\;--", 1.0), ("2004-08-19", "Ω株", 2.0))
    replace(frame)
    assert replace(frame).unchanged == 2
    assert {symbol for _, symbol in closes(database)} == {"O'B\"\\;--", "Ω株"}


def test_an_infinite_feature_is_refused(database: Database) -> None:
    table = read_table(database, "features")
    names = [column.name for column in table.data_columns]
    row = {name: [1.0] for name in names} | {
        "date": pd.to_datetime(["2004-08-19"]),
        "symbol": ["A"],
        "security_id": ["A"],
    }
    replace_sessions(database, table, pd.DataFrame(row), SESSIONS)
    for value in (np.inf, -np.inf):
        with pytest.raises(ContractError, match="sma_10"):
            replace_sessions(database, table, pd.DataFrame(row | {"sma_10": [value]}), SESSIONS)
    replace_sessions(database, table, pd.DataFrame(row | {"sma_10": [np.nan]}), SESSIONS)
    assert fetch(database, "SELECT sma_10 FROM features") == [(None,)]


def test_the_largest_and_smallest_numbers_survive(database: Database, replace: Replace) -> None:
    table = read_table(database, "market_data")
    for number in (1.7976931348623157e308, 5e-324, 0.1 + 0.2, 1 / 3):
        frame = bars(("2004-08-19", "A", 10.0)).assign(vwap=number)
        replace(frame)
        assert fetch(database, "SELECT vwap FROM market_data") == [(number,)]
        assert bulk.read(database, table, *SESSIONS)["vwap"].tolist() == [number]
        assert replace(frame).unchanged == 1
