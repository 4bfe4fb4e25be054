"""Probabilities of planted signals: the known answer, and the rows that are made of it."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.pipeline.probabilities import (
    CALIBRATION,
    CURVES,
    PROBABILITIES,
    _Outcomes,
    horizon_of,
    lookback_of,
    model_rows,
)
from quant_platform.strategies.strategy_registry import all_strategies

SESSIONS = np.array(XNYS.sessions(parse_date("2004-01-02"), parse_date("2008-12-31")))
SECURITIES = [f"S{number:02d}" for number in range(8)]
WEAK, STRONG = 0.3, 0.9
TRUE = {WEAK: 0.6, STRONG: 0.8}
"""Strength → probability that the sign of a planted signal is right."""


def stating(horizon):
    """Return a strategy that states a horizon."""
    model = next(each for each in all_strategies() if each.name == "buy_and_hold").named("planted")
    model.horizon = horizon
    return model


MODEL = stating(1)


def planted(seed=0):
    """Return bars, and signals whose sign is that of the next return as often as planted."""
    rng = np.random.default_rng(seed)
    shape = len(SESSIONS), len(SECURITIES)
    kind = np.where(rng.random(shape) < 0.3, rng.choice([-1, 1], shape), 0)
    strength = rng.choice([WEAK, STRONG], shape)
    right = rng.random(shape) < np.where(strength == WEAK, TRUE[WEAK], TRUE[STRONG])
    move = np.where(kind != 0, np.where(right, kind, -kind), rng.choice([-1, 1], shape)) * 0.01
    opens = np.full(shape, 100.0)
    # From the open of t + 1 to that of t + 2.
    opens[2:] *= np.exp(np.cumsum(move[:-2], axis=0))
    everything = Panel.from_frames(
        rows_of(np.ones(shape, dtype=bool), open_price=opens, close_price=opens),
        None,
        SESSIONS,
        calendar=XNYS,
    )
    signals = rows_of(kind != 0, signal_type=kind, strength=strength)
    return everything, signals.assign(symbol=signals["security_id"])


def rows_of(where, **columns):
    at, column = np.nonzero(where)
    days = SESSIONS.astype("datetime64[D]").astype("datetime64[s]")
    return pd.DataFrame(
        {
            "date": days[at],
            "security_id": pd.array(SECURITIES, dtype="str").take(column),
            **{name: values[at, column] for name, values in columns.items()},
        }
    )


@pytest.fixture(scope="module")
def market():
    return planted()


@pytest.fixture(scope="module")
def made(market):
    panel, signals = market
    return model_rows(signals, _Outcomes.of(panel, [MODEL]), 1, 7, 500)


def test_planted_signals_are_calibrated_within_the_binomial_error(market, made):
    _, signals = market
    rows = made[PROBABILITIES].merge(signals, on=["date", "security_id"])
    assert len(rows) == (signals["date"] >= made[CALIBRATION]["date"].min()).sum()
    assert set(made[PROBABILITIES]["horizon"]) == {1}
    assert set(made[PROBABILITIES]["model_id"]) == {7}
    for strength, true in TRUE.items():
        said = rows.loc[rows["strength"] == strength, "probability"]
        # A calibrator has seen about 504 sessions · 8 securities · 0.3 signals, half of each kind.
        assert (said - true).abs().max() < 4.0 * np.sqrt(true * (1.0 - true) / (504 * 8 * 0.15))
    last = made[CALIBRATION].iloc[-1]
    assert last["method"] in ("isotonic", "platt")
    assert last["outcomes"] == pytest.approx(252 * 8 * 0.3, rel=0.15)
    assert last["base_rate"] == pytest.approx(0.7, abs=4.0 * np.sqrt(0.21 / last["outcomes"]))
    assert last["expected_calibration_error"] < 4.0 * np.sqrt(0.24 / (last["outcomes"] / 2))
    # Two groups that differ by 0.2 leave 0.21 − 0.1² of the Brier score, in expectation.
    assert last["brier"] == pytest.approx(0.2, abs=0.03)
    assert last["brier"] < last["uncertainty"]


def test_the_curve_has_the_outcomes_of_the_figures(made):
    totals = made[CURVES].groupby("date")["outcomes"].sum()
    figures = made[CALIBRATION].set_index("date")["outcomes"]
    assert totals.to_dict() == figures[figures > 0].to_dict()
    last = made[CURVES][made[CURVES]["date"] == made[CURVES]["date"].max()]
    assert set(last["bin"]) <= {5, 6, 7, 8}


@pytest.mark.parametrize("last", [900, 1_000])
def test_a_session_depends_on_its_look_back_and_on_nothing_that_follows(market, made, last):
    """Laws 1 and 2, to the last bit."""
    panel, signals = market
    first = last - lookback_of([MODEL]) + 1
    part = panel.cut(first, last + 1)
    days = part.sessions.astype("datetime64[s]")
    inside = signals[(signals["date"] >= days[0]) & (signals["date"] <= days[-1])]
    alone = model_rows(inside, _Outcomes.of(part, [MODEL]), 1, 7, 1)
    for table, rows in made.items():
        expected = rows[rows["date"] == days[-1]].reset_index(drop=True)
        assert len(expected)
        pd.testing.assert_frame_equal(
            alone[table].reset_index(drop=True), expected, check_exact=True
        )


def test_too_few_outcomes_give_no_row(market):
    panel, signals = market
    few = signals[signals["security_id"] == SECURITIES[0]].iloc[-90:]
    found = model_rows(few, _Outcomes.of(panel, [MODEL]), 1, 7, 500)
    assert all(rows.empty for rows in found.values())


def test_every_strategy_states_a_horizon_that_can_be():
    stated = {model.name: horizon_of(model) for model in all_strategies()}
    assert stated["equal_weight"] == stated["low_volatility"] == 21
    assert stated["ml_ranker"] == stated["mean_reversion"] == 5


@pytest.mark.parametrize("horizon", [0, 253, 2.5, True, "month"])
def test_a_horizon_that_cannot_be_is_one_clear_line(horizon):
    with pytest.raises(ContractError, match="planted states horizon = "):
        horizon_of(stating(horizon))
