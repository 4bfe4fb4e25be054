"""The ranking as text."""

import json
from typing import Any

import pytest

from quant_platform.reports.standings import (
    BESIDE,
    NOTE,
    PLACES,
    money,
    standing_rows,
    standing_table,
)

FIRST: dict[str, Any] = {
    "rank": 1,
    "model_name": "fast",
    "is_benchmark": False,
    "standing": "best",
    "p_value": 0.5,
    "rank_lower": 1,
    "rank_upper": 3,
    "sharpe_lower": -0.125,
    "sharpe_upper": 1.5,
    "deflated_sharpe": 0.25,
    "average_exposure": 0.95,
    "cost_rate": 0.0125,
    "turnover": 2.5,
    "capacity": 2.5e6,
    "ended_positions": 4,
    "assumed_endings": 1,
    "holdout": "opened 2024-03-01",
    "score": 61.04,
}
SECOND: dict[str, Any] = {
    **dict.fromkeys(FIRST),
    "rank": 2,
    "model_name": "hold|all",
    "is_benchmark": True,
    "standing": "young",
}


def test_cells() -> None:
    first, second = standing_rows([FIRST, SECOND])
    assert len(first) == len(PLACES) + len(BESIDE)
    assert first == (
        *("1", "fast", "best", "0.500", "1–3", "-0.12 to 1.50"),
        *("0.250", "95%", "1.25%", "2.5", "2.5 M", "4 (1 assumed)", "opened 2024-03-01", "61.0"),
    )
    assert second[:3] == ("2", "hold|all (benchmark)", "young")
    assert set(second[3:]) == {"–"}


def test_the_table_is_whole_whatever_a_model_is_called() -> None:
    text = standing_table(json.dumps([FIRST, SECOND]))
    lines = text.splitlines()
    assert {line.count("|") for line in lines[:4]} == {len(PLACES) + len(BESIDE) + 1}
    assert text.endswith(NOTE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (950, "950"),
        (1500.0, "1.5 k"),
        (3e9, "3.0 B"),
        (1e12, "1,000.0 B"),
        (4.2e12, "> 1 T"),
    ],
)
def test_money(value: float | None, text: str) -> None:
    assert money(value) == text
