"""Rows of `factor_evaluation`: by hand, known at their session, and the same however cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from quant_platform.evaluation.factor_rows import (
    HORIZONS,
    LOOKBACK,
    factor_rows,
    summary_of,
)
from quant_platform.market.panel import Panel
from quant_platform_tests.oracles.make_factor_study import values_and_opens
from quant_platform_tests.support.panels import MarketFrames, random_market

COUNT = 150


def features_of(market: MarketFrames, start: int, stop: int) -> tuple[Panel, dict[str, np.ndarray]]:
    """A panel over some sessions with changing members, and two features; one has ties."""
    panel = market.panel(start, stop)
    random = np.random.default_rng(4)
    columns = [int(name[1:]) for name in panel.security_ids]
    member = (random.random((COUNT, 10)) < 0.8)[start:stop][:, columns]
    values = random.normal(size=(COUNT, 10))
    values[random.random(values.shape) < 0.1] = np.nan
    given = {"plain": values, "tied": np.round(values), "none": np.full(values.shape, np.nan)}
    return replace(panel, member=member), {
        name: each[start:stop][:, columns] for name, each in given.items()
    }


@pytest.fixture(scope="module")
def market() -> MarketFrames:
    return random_market(3, COUNT)


@pytest.fixture(scope="module")
def whole(market: MarketFrames) -> pd.DataFrame:
    return factor_rows(*features_of(market, 0, COUNT), COUNT)


def test_a_row_is_known_at_its_session(market: MarketFrames, whole: pd.DataFrame) -> None:
    """Law 1: on history cut at a session its rows are the same bits."""
    for stop in (60, 97, 131):
        cut = factor_rows(*features_of(market, 0, stop), stop)
        expected = whole[whole["date"] <= cut["date"].max()].reset_index(drop=True)
        pd.testing.assert_frame_equal(cut, expected, check_exact=True)


def test_rows_are_the_same_however_a_run_is_cut(market: MarketFrames, whole: pd.DataFrame) -> None:
    """Law 2: blocks that read `LOOKBACK` sessions, one of them of a single session."""
    cuts = [LOOKBACK - 1, 70, 71, 118, COUNT]
    parts = [
        factor_rows(*features_of(market, first - LOOKBACK + 1, stop), stop - first)
        for first, stop in pairwise(cuts)
    ]
    days = market.panel().sessions[cuts[0] :].astype("datetime64[s]")
    expected = whole[whole["date"] >= days[0]].reset_index(drop=True)
    assert len(expected) > 500
    together = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(together, expected, check_exact=True)


def test_a_feature_without_a_value_has_no_row(whole: pd.DataFrame) -> None:
    assert set(whole["feature"]) == {"plain", "tied"}
    assert not whole.duplicated(["date", "feature", "horizon"]).any()
    assert (whole["coverage"] > 0.0).all()


def test_a_row_by_hand() -> None:
    """Thirty securities: values of session 20 and the returns from open 21 to open 26."""
    values, opens = values_and_opens()
    days = values.index.to_numpy().astype("M8[D]")
    prices = opens.to_numpy()
    panel = Panel(days, tuple(values.columns), open=prices, close=prices)
    rows = factor_rows(panel, {"of": values.to_numpy()}, 1)
    assert rows["horizon"].tolist() == [*HORIZONS]
    # The last session is number 59; with a horizon of 5 its values are those of session 53.
    row = rows.set_index("horizon").loc[5]
    assert row["value_date"] == values.index[53]
    later = opens.iloc[59] / opens.iloc[54] - 1.0
    assert row["rank_ic"] == pytest.approx(spearmanr(values.iloc[53], later).statistic, rel=1e-6)
    assert row["ic"] == pytest.approx(np.corrcoef(values.iloc[53], later)[0, 1], rel=1e-6)
    groups = [pd.qcut(values.iloc[at], 5, labels=False) for at in (53, 48)]
    means = later.groupby(groups[0]).mean()
    figures = [row[f"return_{number}"] for number in range(1, 6)]
    np.testing.assert_allclose(figures, means, rtol=1e-5, atol=1e-8)
    assert row["spread"] == pytest.approx(means[4] - means[0], rel=1e-5)
    new = [((groups[0] == of) & (groups[1] != of)).sum() / 6.0 for of in (0, 4)]
    assert row["turnover"] == pytest.approx(np.mean(new), rel=1e-6)
    ranks = [values.iloc[at].rank() for at in (53, 48)]
    assert row["autocorrelation"] == pytest.approx(ranks[0].corr(ranks[1]), rel=1e-6)
    assert (row["coverage"], row["pairs"], row["quantiles"]) == (1.0, 30, 5)


@pytest.mark.parametrize(("members", "quantiles"), [(1, 0), (3, 0), (4, 2), (9, 2), (10, 5)])
def test_few_members_are_put_into_halves_or_none(members: int, quantiles: int) -> None:
    values, opens = (each.to_numpy()[:, :members] for each in values_and_opens())
    days = values_and_opens()[0].index.to_numpy().astype("M8[D]")
    names = tuple(f"S{number}" for number in range(members))
    rows = factor_rows(Panel(days, names, open=opens, close=opens), {"of": values}, 1)
    assert set(rows["quantiles"]) == {quantiles}
    assert rows["spread"].isna().all() == (quantiles == 0)
    assert rows["rank_ic"].isna().all() == (members < 3)
    assert rows["return_3"].isna().all() == (quantiles < 5)


def test_a_constant_feature_has_no_correlation_but_groups_of_equal_size() -> None:
    values, opens = values_and_opens()
    days = values.index.to_numpy().astype("M8[D]")
    panel = Panel(days, tuple(values.columns), open=opens.to_numpy(), close=opens.to_numpy())
    rows = factor_rows(panel, {"of": np.full(values.shape, 0.1)}, 1)
    assert rows[["ic", "rank_ic", "slope", "autocorrelation"]].isna().all().all()
    summed = summary_of(rows)
    assert summed["rank_ic"].isna().all()
    assert summed["sessions"].tolist() == [0, 0, 0]


def test_a_sum_up_is_that_of_the_rows(whole: pd.DataFrame) -> None:
    summed = summary_of(whole)
    of = whole[(whole["feature"] == "plain") & (whole["horizon"] == 5)]
    row = summed.loc["plain"].loc[5]
    assert row["rank_ic"] == pytest.approx(of["rank_ic"].astype(float).mean())
    assert row["sessions"] == of["rank_ic"].notna().sum()
    assert summary_of(whole.head(0)).empty
