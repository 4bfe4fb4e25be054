"""Exposures: scores by hand, and the laws on a market with gaps, splits and changing members."""

from dataclasses import replace

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.risk import STYLES
from quant_platform.risk.characteristics import LOOKBACK, exposures, standardised
from quant_platform_tests.support.factor_market import factor_market


def test_scores_by_hand() -> None:
    """1, 2, 3, 4 and 100: median 3, median absolute deviation 1, so that 100 becomes 3 + 3·1.4826.

    = 7.4478. Weights 1, 1, 1, 1, 4: mean (10 + 29.7912)/8 = 4.9739. Plain mean 3.48956, deviation
    √((2.48956² + 1.48956² + 0.48956² + 0.51044² + 3.95824²)/5) = √5.0216584 = 2.2409056.
    """
    where = np.ones((1, 5), dtype=bool)
    weights = np.array([[1.0, 1, 1, 1, 4]])
    scores = standardised(np.array([[1.0, 2, 3, 4, 100]]), weights, where)
    expected = (np.array([1.0, 2, 3, 4, 7.4478]) - 4.9739) / np.sqrt(
        (2.48956**2 + 1.48956**2 + 0.48956**2 + 0.51044**2 + 3.95824**2) / 5
    )
    np.testing.assert_allclose(scores[0], expected, rtol=1e-12)
    assert abs((scores * weights).sum()) < 1e-12


@pytest.mark.parametrize("values", [[2.0, 2, 2], [np.nan, 1, np.nan], [np.nan, np.nan, np.nan]])
def test_what_cannot_be_compared_has_no_score(values: list[float]) -> None:
    ones = np.ones((1, 3))
    assert np.isnan(standardised(np.array([values]), ones, ones > 0)).all()


@pytest.fixture(scope="module")
def ragged() -> Panel:
    """Gaps, a split, a late listing, a member that comes and goes, a security without volume."""
    panel = factor_market(400, 12, 3).panel
    close, volume = panel.close.copy(), panel.volume.copy()
    split, member = panel.split.copy(), np.ones(close.shape, dtype=bool)
    close[:350, 3] = np.nan
    close[200:204, 5] = np.nan
    split[330, 6] = 2.0
    close[330:, 6] /= 2.0
    volume[330:, 6] *= 2.0
    member[::7, 7] = False
    volume[:, 8] = np.nan
    traded = np.isfinite(close)
    return replace(panel, close=close, volume=volume, split=split, member=member, traded=traded)


def flat(panel: Panel, row: int) -> np.ndarray:
    found = exposures(panel)
    return np.array(
        [found.value_traded[row], found.market[row], *(v[row] for v in found.styles.values())]
    )


def test_a_session_is_the_same_however_history_is_cut(ragged: Panel) -> None:
    """Cut at the session (causality), and with no more than the look-back (chunk invariance)."""
    whole = exposures(ragged)
    for row in (300, 329, 330, 331, 352, 399):
        expected = np.array(
            [whole.value_traded[row], whole.market[row], *(v[row] for v in whole.styles.values())]
        )
        alone = flat(ragged.cut(max(row + 1 - LOOKBACK, 0), row + 1), -1)
        np.testing.assert_array_equal(alone, expected)
    assert np.isfinite(expected).sum() > 60


def test_other_securities_that_are_no_members_change_no_bit(ragged: Panel) -> None:
    member = ragged.member.copy()
    member[:, [0, 4]] = False
    without = ragged.cut()
    others = [at for at in range(12) if at not in (0, 4)]
    narrow = Panel(
        ragged.sessions,
        tuple(ragged.security_ids[at] for at in others),
        **{  # type: ignore[arg-type]
            name: np.ascontiguousarray(getattr(ragged, name)[:, others])
            for name in ("close", "volume", "split", "dividend", "traded", "member", "sectors")
        },
        sector_names=ragged.sector_names,
    )
    wide = exposures(replace(without, member=member))
    for style in STYLES:
        np.testing.assert_array_equal(
            wide.styles[style][:, others], exposures(narrow).styles[style]
        )


def test_a_split_is_no_return(ragged: Panel) -> None:
    """The market's return of the session with the 2:1 split is that without it."""
    close, volume = ragged.close.copy(), ragged.volume.copy()
    close[330:, 6] *= 2.0
    volume[330:, 6] /= 2.0
    without = replace(ragged, close=close, volume=volume, split=np.ones(close.shape))
    np.testing.assert_allclose(
        exposures(ragged).market_return[1:], exposures(without).market_return[1:], rtol=1e-12
    )


def test_betas_are_found() -> None:
    """Against the slopes of `numpy.polyfit`, moved a third of the way to 1."""
    market = factor_market(300, 40, 4)
    found = exposures(market.panel)
    close = market.panel.close
    returns = close[1:] / close[:-1] - 1.0
    for number in (0, 7, 39):
        slope = np.polyfit(found.market_return[-252:], returns[-252:, number], 1)[0]
        assert found.market[-1, number] == pytest.approx(slope * 2 / 3 + 1 / 3, abs=1e-9)


def test_prices_that_do_not_move_have_no_scores_and_no_beta() -> None:
    shape = (300, 4)
    days = factor_market(300, 4, 1).panel.sessions
    still = Panel(days, tuple("ABCD"), close=np.full(shape, 10.0), volume=np.full(shape, 100.0))
    found = exposures(still)
    assert np.isnan(found.market).all()
    assert all(np.isnan(values).all() for values in found.styles.values())
    assert (found.market_return[1:] == 0.0).all()


def test_without_any_volume_all_weigh_the_same() -> None:
    market = factor_market(300, 6, 2)
    volume = np.full(market.panel.close.shape, np.nan)
    found = exposures(replace(market.panel, volume=volume))
    assert np.isnan(found.value_traded).all()
    assert np.isnan(found.styles["size"]).all()
    returns = market.panel.close[1:] / market.panel.close[:-1] - 1.0
    np.testing.assert_allclose(found.market_return[1:], returns.mean(axis=1), rtol=1e-9)
    assert found.styles["momentum"][-1].mean() == pytest.approx(0.0, abs=1e-12)


def test_one_security_is_the_market() -> None:
    """Its beta is 1; nothing compares with it."""
    found = exposures(factor_market(300, 1, 5).panel)
    assert found.market[-1, 0] == pytest.approx(1.0, abs=1e-12)
    assert all(np.isnan(values).all() for values in found.styles.values())
