"""`signals.probability` is what `signal_probabilities` holds, and no part of what a model said."""

import pandas as pd
import pytest

from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import fetch

DAY = "2024-01-02"

UNKNOWN = ("stop_price", "expected_return", "expected_volatility", "value_at_risk_95")


def signals(model: int, **strengths: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "date": pd.Timestamp(DAY).as_unit("s"),
            "model_id": model,
            "symbol": list(strengths),
            "security_id": list(strengths),
            "signal_type": 1,
            "strength": list(strengths.values()),
            "confidence": 1.0,
            "target_weight": 0.5,
            "asked_weight": 0.5,
            "reference_price": 10.0,
            "stop_price": None,
            "expected_return": None,
            "expected_volatility": None,
            "value_at_risk_95": None,
            "metadata": "{}",
        }
    ).astype(dict.fromkeys(UNKNOWN, "float64"))


def probabilities(model: int, **values: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "date": pd.Timestamp(DAY).as_unit("s"),
            "model_id": model,
            "symbol": list(values),
            "security_id": list(values),
            "horizon": 5,
            "probability": list(values.values()),
        }
    )


@pytest.fixture
def model(database: Database) -> int:
    record = ModelRecord("kept", "1", "One.", {}, is_benchmark=False)
    return register_models(database, [record])["kept"]


def store(database: Database, table: str, frame: pd.DataFrame) -> object:
    return replace_sessions(database, read_table(database, table), frame, [DAY])


def copies(database: Database) -> dict[str, float | None]:
    return dict(fetch(database, "SELECT symbol, probability FROM signals ORDER BY 1"))


def clocks(database: Database) -> list[tuple[object, ...]]:
    return fetch(database, "SELECT symbol, created_at FROM signals ORDER BY 1")


def test_a_copy_follows_its_source(database: Database, model: int) -> None:
    store(database, "signals", signals(model, A=0.1, B=0.2, C=0.3))
    before = clocks(database)
    store(database, "signal_probabilities", probabilities(model, A=0.6, B=0.7))
    assert copies(database) == {"A": 0.6, "B": 0.7, "C": None}
    store(database, "signal_probabilities", probabilities(model, A=0.6, C=0.8))
    assert copies(database) == {"A": 0.6, "B": None, "C": 0.8}
    fetch(database, "UPDATE signal_probabilities SET symbol = 'B' WHERE symbol = 'C'")
    assert copies(database) == {"A": 0.6, "B": 0.8, "C": None}
    fetch(database, "DELETE FROM signal_probabilities WHERE symbol = 'A'")
    assert copies(database) == {"A": None, "B": 0.8, "C": None}
    # What the model said is as old as it was, and nothing of it was superseded.
    assert clocks(database) == before
    assert fetch(database, "SELECT count(*) FROM signals_history") == [(0,)]


def test_signals_that_are_stored_again_keep_theirs(database: Database, model: int) -> None:
    store(database, "signals", signals(model, A=0.1, B=0.2))
    store(database, "signal_probabilities", probabilities(model, A=0.6, B=0.7))
    before = fetch(database, "SELECT s::text FROM signals AS s ORDER BY 1")
    done = store(database, "signals", signals(model, A=0.1, B=0.2))
    assert (done.unchanged, done.inserted, done.superseded) == (2, 0, 0)  # type: ignore[attr-defined]
    assert fetch(database, "SELECT s::text FROM signals AS s ORDER BY 1") == before
    done = store(database, "signals", signals(model, A=0.1, B=0.3))
    assert (done.unchanged, done.inserted, done.superseded) == (1, 1, 1)  # type: ignore[attr-defined]
    assert copies(database) == {"A": 0.6, "B": 0.7}


def test_signals_that_come_after_their_probabilities(database: Database, model: int) -> None:
    store(database, "signal_probabilities", probabilities(model, A=0.6))
    store(database, "signals", signals(model, A=0.1, B=0.2))
    assert copies(database) == {"A": 0.6, "B": None}


def test_the_past_shows_what_was_known_then(database: Database, model: int) -> None:
    def known(moment: object) -> list[float]:
        sql = "SELECT probability FROM signals"
        return bulk.query(database, sql, known_at=str(moment))["probability"].tolist()

    def now() -> object:
        return fetch(
            database, "SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.USOF')"
        )[0][0]

    store(database, "signals", signals(model, A=0.1))
    first = now()
    store(database, "signal_probabilities", probabilities(model, A=0.6))
    second = now()
    store(database, "signal_probabilities", probabilities(model, A=0.7))
    assert pd.isna(known(first)).tolist() == [True]
    assert known(second) == [0.6]
    assert known(now()) == [0.7]


def test_a_frame_of_signals_has_no_probability(database: Database) -> None:
    table = read_table(database, "signals")
    assert "probability" not in [column.name for column in table.data_columns]
    assert "probability" in [column.name for column in table.shown_columns]
