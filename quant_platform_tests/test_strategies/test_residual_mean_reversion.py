"""The s-score by hand and against SciPy's regression, and what becomes of it."""

import json

import numpy as np
import pytest
from scipy import stats

from quant_platform.errors import SettingsError
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.strategies.library.residual_mean_reversion import (
    ResidualMeanReversion,
    s_scores,
)

DAYS = np.array(
    XNYS.sessions(parse_date("2011-01-03"), parse_date("2011-04-29")), dtype="datetime64[D]"
)


def test_the_score_by_hand():
    """Levels 2, 1, 0, 0: of the pairs (2, 1), (1, 0), (0, 0), b = ½ and a = −1/6, so m = −1/3.

    The rests are 1/6, −1/3 and 1/6, their variance (1/6)/(3 − 2), and σ_eq² = (1/6)/(1 − ¼) = 2/9.
    """
    residuals = np.array([[9.0], [2.0], [-1.0], [-1.0], [0.0]])
    s = s_scores(residuals, 4)
    assert np.isnan(s[:3]).all()
    assert s[4, 0] == pytest.approx((1 / 3) / np.sqrt(2 / 9))


def test_the_score_against_scipy():
    rng = np.random.default_rng(7)
    residuals = rng.normal(0.0, 0.01, (90, 40))
    s = s_scores(residuals, 60)
    several = 0
    for row in (59, 89):
        for column in range(40):
            window = residuals[row - 59 : row + 1, column]
            levels = np.cumsum(window - window.mean())
            fit = stats.linregress(levels[:-1], levels[1:])
            if not 0.0 < fit.slope < np.exp(-1 / 30):
                assert np.isnan(s[row, column])
                continue
            several += 1
            rest = levels[1:] - fit.intercept - fit.slope * levels[:-1]
            variance = (rest @ rest) / (len(rest) - 2) / (1.0 - fit.slope**2)
            level = fit.intercept / (1.0 - fit.slope)
            assert s[row, column] == pytest.approx(-level / np.sqrt(variance))
    assert several > 20


def market(sectors, unknown=()):
    """A and B move against each other, A falling behind at the end; C goes its own way."""
    rng = np.random.default_rng(3)
    apart = rng.normal(0.0, 0.01, len(DAYS))
    apart[-1] = -0.06
    common = rng.normal(0.0, 0.01, len(DAYS))
    returns = np.stack([common + apart, common - apart, rng.normal(0, 0.01, len(DAYS))], axis=1)
    close = np.cumprod(1.0 + returns, axis=0).astype(np.float64)
    for row in unknown:
        close[row, 0] = np.nan
    features = {
        "return_1": np.where(np.isnan(close), np.nan, returns),
        "momentum_1": returns,
        "realized_volatility_20": np.full(close.shape, 0.2),
        "atr_14": close * 0.02,
    }
    return Panel(
        DAYS,
        ("A", "B", "C"),
        close=close,
        sectors=np.broadcast_to(np.array(sectors, dtype=np.int32), close.shape),
        features=features,
    )


def last_rows(panel, **parameters):
    frame = ResidualMeanReversion(window=40, **parameters).run(panel, last=1)
    return frame.set_index("security_id")


def test_what_fell_behind_its_sector_is_bought_and_its_opposite_sold():
    rows = last_rows(market([0, 0, 1]))
    assert rows["signal_type"].to_dict() == {"A": 1, "B": -1, "C": 0}
    assert rows["target_weight"]["A"] > 0.0
    scores = {name: json.loads(rows["metadata"][name])["s_score"] for name in ("A", "B")}
    assert scores["A"] == pytest.approx(-scores["B"], rel=1e-5)
    assert scores["A"] < -1.25


def test_the_only_member_of_a_sector_has_no_signal():
    frame = ResidualMeanReversion(window=40).run(market([0, 0, 1]))
    alone = frame[frame["security_id"] == "C"]
    assert (alone["signal_type"] == 0).all()
    assert (alone["target_weight"] == 0.0).all()


def test_without_known_sectors_all_are_one():
    unknown = last_rows(market([-1, -1, -1]))
    against_all = last_rows(market([0, 0, 1]), against="market")
    assert unknown["signal_type"].to_dict() == against_all["signal_type"].to_dict()
    assert unknown["target_weight"].to_dict() == against_all["target_weight"].to_dict()


def test_a_tenth_of_the_window_may_be_unknown():
    sessions = len(DAYS)
    assert last_rows(market([0, 0, 1], range(sessions - 10, sessions - 6)))["signal_type"]["A"] == 1
    assert last_rows(market([0, 0, 1], range(sessions - 10, sessions - 5)))["signal_type"]["A"] == 0


def test_it_cannot_leave_before_it_enters():
    with pytest.raises(SettingsError, match=r"leave \(2\) must be below enter \(1.25\)"):
        ResidualMeanReversion(leave=2.0)
