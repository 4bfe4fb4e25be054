"""The monitor's chart, table and sentences, from rows made by hand."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.reports.monitor import (
    CEILING,
    COLUMNS,
    monitor_figure,
    monitor_sentences,
    monitor_table,
    promise_figure,
)

ROOT = 252.0**0.5


def row(day: str, name: str, **changed: object) -> dict[str, object]:
    """A row of `model_monitor`; means are those of annual figures of 1, 0, 2 and 0.5."""
    return {
        "date": pd.Timestamp(day),
        "model_name": name,
        "state": "champion",
        "promoted_on": pd.Timestamp("2024-01-02"),
        "sessions": 40,
        "mean": 1.0 / ROOT,
        "lower": 0.0,
        "upper": 2.0 / ROOT,
        "promised": 0.5 / ROOT,
        "e_value": 3.25,
        "crossed": False,
        **changed,
    }


@pytest.fixture
def rows() -> pd.DataFrame:
    """`gone` was in use a session ago, `new` has no return yet, `worse` broke its promise."""
    return pd.DataFrame(
        [
            row("2024-03-01", "gone", crossed=True),
            row("2024-03-04", "worse", crossed=True, e_value=1e290),
            row("2024-03-04", "kept"),
            row("2024-03-04", "new", sessions=0, mean=np.nan),
        ]
    )


def test_the_table_has_the_models_in_use_now(rows: pd.DataFrame) -> None:
    kept, new, worse = (dict(zip(COLUMNS, each, strict=True)) for each in monitor_table(rows))
    assert (kept["model"], new["model"], worse["model"]) == ("kept", "new", "worse")
    assert (kept["since"], kept["sessions"], kept["promise"]) == ("2024-01-02", "40", "holds")
    assert (kept["mean"], kept["upper"], kept["promised"]) == ("+1.00", "+2.00", "+0.50")
    assert (worse["promise"], worse["e-value"]) == ("broken", "1e+290")


def test_sentences(rows: pd.DataFrame) -> None:
    kept, new, worse = monitor_sentences(rows)
    assert kept == (
        "kept, champion since 2024-01-02: the promise of at least +0.50 is not refuted (+1.00 over"
        " 40 sessions, 0.00 to +2.00; evidence against it 3.2 of the 20 that it takes)."
    )
    assert "no return counted yet; +0.50 was promised" in new
    assert "the promise of at least +0.50 is broken" in worse
    assert monitor_sentences(rows.iloc[:0]) == ["No model is in use: nobody has promoted one."]
    assert monitor_table(rows.iloc[:0]) == []


def test_figures(rows: pd.DataFrame) -> None:
    evidence = monitor_figure(rows, {"kept": "#123456"})
    assert [trace.name for trace in evidence.data] == ["gone", "kept", "new", "worse"]
    assert evidence.data[1].line.color == "#123456"
    assert evidence.data[3].y[0] == CEILING
    kept = promise_figure(rows[rows["model_name"] == "kept"])
    of_one = {trace.name: trace.y for trace in kept.data}
    assert of_one["mean"] == pytest.approx([1.0])
    assert of_one["promised"] == pytest.approx([0.5])
    assert monitor_figure(rows.iloc[:0]).data == ()
