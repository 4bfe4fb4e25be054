"""Forecasts of portfolios: two positions by hand, what is not known, and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quant_platform.evaluation.risk_backtests import bias_statistic
from quant_platform.pipeline.blocks import Block
from quant_platform.pipeline.risk import exposure_rows, factor_return_rows, forecast_rows
from quant_platform.risk.forecast import Market, Positions, forecasts
from quant_platform.risk.regression import PLAIN
from quant_platform.risk.tails import DEGREES, EXPECTED_SHORTFALL, VALUE_AT_RISK, draws
from quant_platform_tests.support.factor_market import DAYS, factor_market


def small_market() -> Market:
    """Two securities: betas 1 and 0.5, sizes 1 and −1; specific volatilities 2 % and 1 %."""
    design = np.zeros((1, 2, PLAIN))
    design[0, :, 0], design[0, :, 1] = (1.0, 0.5), (1.0, -1.0)
    covariance = np.zeros((1, PLAIN + 1, PLAIN + 1))
    covariance[0, :2, :2] = [[1e-4, 2e-5], [2e-5, 4e-5]]
    covariance[0, PLAIN, PLAIN] = 9e-5
    known = np.ones((1, PLAIN + 1), dtype=bool)
    return Market(design, np.array([[0, -1]]), np.array([[0.02, 0.01]]), covariance, known)


def held(*positions: tuple[int, float]) -> Positions:
    """One portfolio in one session."""
    numbers = np.array([at for at, _ in positions], dtype=np.int64)
    zeros = np.zeros_like(numbers)
    weights = np.array([weight for _, weight in positions], dtype=np.float64)
    return Positions(zeros, zeros, numbers, weights, np.ones((1, 1), dtype=bool))


def test_two_positions_by_hand() -> None:
    """w = (0.6, 0.4): beta 0.8, size 0.2, sector 0.6.

    market: 0.8·(0.8·1e-4 + 0.2·2e-5) = 6.72e-5; size: 0.2·(0.8·2e-5 + 0.2·4e-5) = 4.8e-6; sector:
    0.36·9e-5 = 3.24e-5; specific: 0.36·4e-4 + 0.16·1e-4 = 1.6e-4. Sum 2.644e-4.
    """
    found = forecasts(small_market(), held((0, 0.6), (1, 0.4)))
    assert found.volatility[0, 0] == pytest.approx(np.sqrt(2.644e-4), rel=1e-12)
    shares = [
        getattr(found, f"{name}_share")[0, 0] for name in ("market", "style", "sector", "specific")
    ]
    np.testing.assert_allclose(
        shares, np.array([6.72e-5, 4.8e-6, 3.24e-5, 1.6e-4]) / 2.644e-4, rtol=1e-12
    )
    np.testing.assert_allclose(found.exposures[0, 0, :2], [0.8, 0.2], rtol=1e-12)
    assert (found.positions[0, 0], found.covered[0, 0]) == (2, 1.0)


def test_a_position_without_exposures_is_the_average_one() -> None:
    """Beta 1 and 1.5 % specific: 0.5²·1e-4 + 0.5²·(0.015)²."""
    found = forecasts(small_market(), held((-1, 0.5)))
    assert found.volatility[0, 0] == pytest.approx(np.sqrt(0.25e-4 + 0.25 * 0.015**2), rel=1e-12)
    assert found.covered[0, 0] == 0.0


def test_no_positions_are_no_risk() -> None:
    found = forecasts(small_market(), held())
    assert found.volatility[0, 0] == 0.0
    assert np.isnan(found.covered[0, 0])
    assert np.isnan(found.market_share[0, 0])


def test_without_a_market_factor_nothing_is_forecast() -> None:
    market = small_market()
    market.known[:] = False
    assert np.isnan(forecasts(market, held((0, 1.0))).volatility).all()


def test_tails_are_those_of_the_t_distribution() -> None:
    """Against SciPy: quantile, and the shortfall as the mean of quantiles below it."""
    scale = np.sqrt((DEGREES - 2) / DEGREES)
    for confidence in (95, 99):
        alpha = 1 - confidence / 100
        assert VALUE_AT_RISK[confidence] == pytest.approx(
            -scale * stats.t.ppf(alpha, DEGREES), rel=1e-9
        )
        shortfall = -scale * stats.t.expect(
            lambda x: x, (DEGREES,), ub=stats.t.ppf(alpha, DEGREES), conditional=True
        )
        assert EXPECTED_SHORTFALL[confidence] == pytest.approx(shortfall, rel=1e-6)
    assert draws(200_000, 1).std() == pytest.approx(1.0, abs=0.02)


@pytest.fixture(scope="module")
def stored() -> tuple[list[str], dict[str, pd.DataFrame]]:
    """Tables of a market of 60 securities over 700 sessions, with three portfolios."""
    market = factor_market(700, 60, 11)
    exposed = exposure_rows(market.panel, 700)
    frames = factor_return_rows(market.panel, exposed)
    days = DAYS[:700].astype("datetime64[s]")
    parts = []
    for model, names in ((1, range(60)), (2, range(0, 60, 6)), (3, [5])):
        ids = [market.panel.security_ids[at] for at in names]
        parts.append(
            pd.DataFrame(
                {
                    "date": np.repeat(days, len(ids)),
                    "model_id": model,
                    "security_id": np.tile(np.array(ids, dtype=object), len(days)),
                    "weight": 1.0 / len(ids),
                }
            )
        )
    positions = pd.concat(parts, ignore_index=True)
    close = pd.DataFrame(market.panel.close, index=days, columns=list(market.panel.security_ids))
    returns = {
        model: close[sorted(of["security_id"].unique())].pct_change().mean(axis=1)
        for model, of in positions.groupby("model_id")
    }
    frames |= {"exposed": exposed, "positions": positions, "returns": pd.DataFrame(returns)}
    return [str(day) for day in DAYS[:700]], frames


def forecast(
    days: list[str], frames: dict[str, pd.DataFrame], first: int, last: int
) -> pd.DataFrame:
    """Forecasts of a block, from no more rows than the platform would read."""

    def part(name: str, start: int) -> pd.DataFrame:
        rows = frames[name]
        inside = rows["date"].between(
            pd.Timestamp(days[max(start, 0)]), pd.Timestamp(days[last - 1])
        )
        return rows[inside]

    block = Block(days[first:last], days[max(first - 251, 0) : last])
    positions = part("positions", first)
    return forecast_rows(
        block,
        days[max(first - 505, 0) : last],
        part("factor_returns", first - 505),
        part("specific_returns", first - 251),
        part("exposed", first),
        positions[["date", "model_id"]].drop_duplicates(),
        positions,
    )


def test_forecasts_are_the_same_however_a_backfill_is_cut(
    stored: tuple[list[str], dict[str, pd.DataFrame]],
) -> None:
    days, frames = stored
    whole = forecast(days, frames, 0, 700)
    for first, last in ((560, 561), (599, 640), (699, 700)):
        part = forecast(days, frames, first, last)
        expected = whole[whole["date"].isin(part["date"].unique())].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected, check_exact=True)


def test_forecasts_are_unbiased(stored: tuple[list[str], dict[str, pd.DataFrame]]) -> None:
    """The bias statistic of each portfolio, the one-name one included, lies in its interval."""
    days, frames = stored
    rows = forecast(days, frames, 0, 700)
    for model, of in rows.groupby("model_id"):
        known = of.set_index("date")["volatility"].shift(1)
        ahead = pd.DataFrame({"z": frames["returns"][model], "forecast": known}).iloc[330:].dropna()
        bias, lower, upper = bias_statistic(ahead["z"].to_numpy(), ahead["forecast"].to_numpy())
        assert len(ahead) > 350
        assert lower <= bias <= upper, (model, bias)
    # Before 63 factor returns are known there is none.
    first = rows[rows["date"] <= pd.Timestamp(days[62])]
    assert first["volatility"].isna().all()
    assert rows[rows["date"] >= pd.Timestamp(days[63])]["volatility"].notna().all()
