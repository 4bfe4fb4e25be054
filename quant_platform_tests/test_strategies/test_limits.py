"""What a session asks for beyond its model's limits; every figure is worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.limits import REFUSE, scaled_sessions, within_limits
from quant_platform.strategies.positions import has_room
from quant_platform_tests.support.builders import Constant, one_symbol

DAY = pd.Timestamp("2004-08-19")


def session(*weights: float, metadata: str = "{}") -> pd.DataFrame:
    return pd.DataFrame(
        {"date": [DAY] * len(weights), "target_weight": weights, "metadata": metadata}
    )


@pytest.mark.parametrize(
    ("asked", "each", "factor"),
    [
        # 5 · 0.20 = 1.00 fits. 5 · 0.201 = 1.005: each is given 0.201 / 1.005 = 0.2. 5 · 0.25 =
        # 1.25: each is given 0.25 · 0.8 = 0.2.
        (0.20, 0.20, None),
        (0.201, 0.20, 0.995025),
        (0.25, 0.20, 0.8),
    ],
)
def test_five_names_are_fully_invested(asked: float, each: float, factor: float | None) -> None:
    frame = within_limits(session(*[asked] * 5))
    assert frame["target_weight"].tolist() == pytest.approx([each] * 5, rel=1e-15)
    assert frame["target_weight"].sum() == pytest.approx(1.0, rel=1e-15)
    assert frame["asked_weight"].tolist() == [asked] * 5
    said = [json.loads(text).get("scaled") for text in frame["metadata"]]
    assert said == [factor] * 5
    assert scaled_sessions(frame) == (0 if factor is None else 1)


def test_rounding_is_scaled_and_not_said() -> None:
    # Binary fractions: seven sevenths add up to a little more than 1.
    third = 1.0 / 3.0 + 1e-11
    frame = within_limits(session(third, third, third))
    assert frame["target_weight"].sum() == pytest.approx(1.0, abs=1e-15)
    assert frame["metadata"].tolist() == ["{}"] * 3
    assert scaled_sessions(frame) == 0


def test_a_130_30_book_keeps_its_size() -> None:
    """Gross 1.6 and net 1.0: nothing is scaled, for a model that states so."""
    frame = within_limits(session(*[0.13] * 10, *[-0.03] * 10), max_gross=1.6)
    assert frame["target_weight"].tolist() == [0.13] * 10 + [-0.03] * 10
    # With the limits of a model that states none, the gross of 1.6 is halved nowhere: 1 / 1.6.
    small = within_limits(session(*[0.13] * 10, *[-0.03] * 10))
    assert small["target_weight"].iloc[0] == pytest.approx(0.13 / 1.6)
    assert small["target_weight"].abs().sum() == pytest.approx(1.0)


def test_the_net_is_a_limit_of_its_own() -> None:
    # Gross 1.4 of 1.6 allowed; net 1.2 of 1: scaled by 1 / 1.2.
    frame = within_limits(session(0.7, 0.6, -0.1), max_gross=1.6)
    assert frame["target_weight"].tolist() == pytest.approx([0.7 / 1.2, 0.6 / 1.2, -0.1 / 1.2])


def test_the_factor_stands_beside_what_the_strategy_says() -> None:
    frame = within_limits(session(0.75, 0.0, 0.75, metadata='{"reason":"buy"}'))
    assert [json.loads(text) for text in frame["metadata"]] == [
        {"reason": "buy", "scaled": 0.666667},
        {"reason": "buy"},
        {"reason": "buy", "scaled": 0.666667},
    ]


def test_a_model_may_ask_for_a_refusal() -> None:
    with pytest.raises(ContractError, match=r"wide asks for weights of 1\.25 gross.*2004-08-19"):
        within_limits(session(*[0.25] * 5), on_excess=REFUSE, model="wide")
    # Rounding is none.
    assert len(within_limits(session(0.5, 0.5 + 1e-12), on_excess=REFUSE)) == 2


def test_a_weight_beyond_the_limit_of_one_position_is_seen_before_it_is_scaled() -> None:
    """0.15 of at most 0.1: divided by anything it would have been within it."""

    class Half(Constant):
        """Asks for a total limit of half."""

        max_gross = 0.05

    faulty = Half()
    faulty.cells = {"target_weight": 0.15}
    with pytest.raises(ContractError, match=r"target_weight is from -0\.1 to 0\.1"):
        faulty.run(one_symbol(2, {"realized_volatility_20": 0.2}, {}))
    faulty.cells = {"target_weight": 0.1}
    frame = faulty.run(one_symbol(2, {"realized_volatility_20": 0.2}, {}))
    assert frame["target_weight"].tolist() == [0.05, 0.05]
    assert frame["asked_weight"].tolist() == [0.1, 0.1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_gross", 0.0), ("max_net", np.nan), ("on_excess", "halve"), ("rebalance", "yearly")],
)
def test_a_limit_that_is_none_is_named(name: str, value: object) -> None:
    strange: type[Strategy] = type("Strange", (Constant,), {name: value, "__doc__": "Odd."})
    with pytest.raises(ContractError, match=str(value)):
        strange()


def test_the_highest_scores_go_first() -> None:
    weights = np.array([[0.5, 0.4, 0.3, 0.0, 0.2], [0.5, 0.3, 0.0, 0.0, 0.2]])
    score = np.array([[0.1, 0.9, 0.5, np.nan, 0.5], [0.1, 0.2, np.nan, np.nan, 0.3]])
    # By score 0.4 + 0.3 + 0.2 = 0.9 fit, and the fourth, 0.5, does not. The second session fits.
    room = has_room(weights, score, 1.0)
    assert room.tolist() == [[False, True, True, True, True], [True] * 5]
    # Of equal scores the first column goes first.
    assert has_room(weights[:1], score[:1], 0.7)[0].tolist() == [False, True, True, True, False]
