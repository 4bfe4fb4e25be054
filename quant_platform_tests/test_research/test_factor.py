"""A factor study of stored sessions against what SciPy and pandas say, and what it cannot know."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.evaluation.factor_study import SpreadCosts
from quant_platform.market.panel import Panel
from quant_platform.pipeline.pages import seal_pages
from quant_platform.research.factor import FactorPlan, StudiedMarket
from quant_platform.research.factor_pages import write_factor_pages
from quant_platform.research.factor_result import FactorStudy
from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.trading.costs import Costs
from quant_platform_tests.oracles.make_factor_study import values_and_opens
from quant_platform_tests.support.server import Server

NAN = np.nan


@pytest.fixture(scope="module")
def store(server: Server, sample_database: str) -> Iterator[Store]:
    name = server.create(sample_database)
    database = Database(server.url(name))
    yield Store(database)
    database.engine.dispose()
    server.drop(name)


def test_a_study_of_stored_sessions(store: Store) -> None:
    """Four stocks, none of which paid or split from 2007-11-15 to 2008-01-31."""
    days = ("2007-11-15", "2008-01-28")
    costs = Costs.ideal(commission_bp=5.0, slippage_bp=5.0)
    study = store.factor("return_1", *days, horizons=(1, 2), quantiles=2, costs=costs)
    bars = store.bars("2007-11-15", "2008-01-31")
    opens = bars.pivot_table("open_price", "date", "symbol")
    values = store.features(["return_1"], *days)["return_1"].unstack()
    assert study.rank_ic.index.equals(values.index)
    for horizon in (1, 2):
        later = opens.shift(-1 - horizon) / opens.shift(-1) - 1.0
        index = values.index
        expected = [spearmanr(values.loc[day], later.loc[day]).statistic for day in index]
        np.testing.assert_allclose(study.rank_ic[horizon], expected, rtol=1e-12)
        pearson = values.corrwith(later.loc[index], axis=1)
        np.testing.assert_allclose(study.ic[horizon], pearson, rtol=1e-9)
        slope = pearson * later.loc[index].std(axis=1) / values.std(axis=1)
        np.testing.assert_allclose(study.slope[horizon], slope, rtol=1e-9)
    # Of four, the upper two are the half with the higher ranks.
    later = opens.shift(-2) / opens.shift(-1) - 1.0
    upper = values.rank(axis=1) > 2
    means = later.loc[values.index].where(upper).mean(axis=1)
    np.testing.assert_allclose(study.returns[(1, 2)], means, rtol=1e-12)
    # Of two, the share that was not among the upper ones two sessions before; both legs renew it.
    new = (upper & ~upper.shift(2, fill_value=False)).sum(axis=1)[2:] / 2.0
    np.testing.assert_allclose(study.turnover[(2, 2)][2:], new)
    assert study.turnover[(2, 2)][:2].isna().all()
    cost = study.spread[2] - study.net_spread[2]
    np.testing.assert_allclose(cost[2:], 2.0 * new * 2.0 * 0.0010, atol=1e-15)
    ranks = values.rank(axis=1)
    same = ranks.corrwith(ranks.shift(1), axis=1)
    np.testing.assert_allclose(study.autocorrelation[1][1:], same[1:], atol=1e-12)
    summary = study.summary.loc[1]
    assert summary["rank_ic"] == pytest.approx(study.rank_ic[1].mean())
    assert summary["sessions"] == len(values) == 49
    # The last returns need three more sessions than there are values, which are stored.
    assert study.rank_ic.notna().all().all()
    assert (study.coverage == 1.0).all()
    assert study.decay["sessions"].tolist() == [49, 48, 47, 46, 44, 39, 28, 7, 0]
    late = [spearmanr(values.iloc[row], later.loc[values.index[row + 5]]) for row in range(44)]
    assert study.decay.loc[5, "rank_ic"] == pytest.approx(np.mean([e.statistic for e in late]))
    assert "49" in study._repr_html_()
    assert len(study.plot().data) == 7


def test_several_factors_and_their_pages(store: Store, tmp_path: Path) -> None:
    days = ("2007-11-15", "2008-01-28")
    own = -store.features(["return_1"], *days)["return_1"].unstack()
    studies = store.factors({"up": "return_1", "down": own}, *days, quantiles=2)
    assert studies.correlation.loc["up", "down"] == pytest.approx(-1.0)
    assert studies.ic_correlation.loc["up", "down"] == pytest.approx(-1.0)
    assert studies.summary.index.tolist() == [(n, h) for n in ("up", "down") for h in (1, 5, 21)]
    alone = store.factor("return_1", *days, quantiles=2)
    pd.testing.assert_frame_equal(studies["up"].summary, alone.summary)
    reports = tmp_path / "reports"
    index = write_factor_pages(studies, reports)
    assert {each.name for each in index.parent.iterdir()} == {"index.html", "up.html", "down.html"}
    assert "<a href='up.html'>up</a>" in index.read_text()
    # Pages of an earlier writing stay, and are named.
    write_factor_pages(store.factors({"up": "return_1"}, *days, quantiles=2), reports)
    assert "Written earlier: <a href='down.html'>down</a>" in index.read_text()
    text = (index.parent / "down.html").read_text()
    (library,) = reports.glob("plotly-*.js")
    assert f"../{library.name}" in text
    assert len(text) < 300_000
    settings = Settings.load({PREFIX + "HOME": str(tmp_path)}, tmp_path)
    seal_pages(settings, store.database, date(2008, 1, 29))
    assert (index.parent / "down.html").read_text() == text
    seal_pages(settings, store.database, date(2008, 1, 28))
    assert "are sealed" in index.read_text()
    assert "are sealed" in (index.parent / "down.html").read_text()
    whole = alone.to_html(tmp_path / "alone.html").read_text()
    assert len(whole) > 1_000_000  # with the script
    assert "return_1" in studies._repr_html_() or "up" in studies._repr_html_()
    for wrong in ([], ["return_1", "return_1"], "return_1"):
        with pytest.raises(SettingsError):
            store.factors(wrong, *days)


def studied(
    values: np.ndarray, opens: np.ndarray, count: int, plan: FactorPlan, **more: object
) -> FactorStudy:
    """Study values over a panel that is made of opens alone."""
    days = np.busday_offset("2001-01-01", np.arange(len(opens)), roll="forward")
    names = tuple(f"S{number:02d}" for number in range(opens.shape[1]))
    panel = Panel(days.astype("M8[D]"), names, open=opens, close=opens, **more)  # type: ignore[arg-type]
    return StudiedMarket(panel, count, plan).studies({"of": values})["of"]


def test_by_sector_and_size_are_the_members_alone() -> None:
    """The sector's figures are those of a market of its members; the largest third likewise."""
    values, opens = (each.to_numpy() for each in values_and_opens())
    volume = np.broadcast_to(1000.0 ** np.arange(1, 31)[None, ::-1] / opens, opens.shape)
    sectors = np.broadcast_to(np.arange(30, dtype=np.int32) % 2 - 0, opens.shape)
    plan = FactorPlan((1, 5))
    whole = studied(
        values, opens, 50, plan, volume=volume, sectors=sectors, sector_names=("even", "odd")
    )
    alone = studied(values[:, 1::2], opens[:, 1::2], 50, plan)
    for name in ("ic", "rank_ic", "rank_ic_error", "rank_ic_t"):
        expected = alone.summary[name].tolist()
        assert whole.by_sector.loc["odd"][name].tolist() == pytest.approx(expected)
    assert whole.by_sector.loc["odd"]["members"].tolist() == [15.0, 15.0]
    largest = studied(values[:, :10], opens[:, :10], 50, plan)
    found = whole.by_size.loc["large"]["rank_ic"].tolist()
    assert found == pytest.approx(largest.summary["rank_ic"].tolist())
    assert alone.by_sector.empty
    assert any("states no sector" in note for note in alone.notes)
    assert any("no figures by size" in note for note in alone.notes)


def test_a_forecast_that_is_calibrated_has_a_slope_of_one() -> None:
    _, opens = (each.to_numpy() for each in values_and_opens())
    later = np.full(opens.shape, NAN)
    later[:-2] = opens[2:] / opens[1:-1] - 1.0
    study = studied(2.0 * later, opens, 58, FactorPlan((1,)))
    assert study.summary.loc[1, "slope"] == pytest.approx(0.5)
    assert study.summary.loc[1, "ic"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("constant", "all values, or all returns, are the same"),
        ("unknown", "No member has a value in any session"),
        ("one member", "fewer than 5 members have a value"),
        ("few members", "fewer than 5 members have a value"),
        ("long horizon", "Horizon 80: in no session do 3 members"),
    ],
)
def test_what_nothing_can_be_said_of(kind: str, word: str) -> None:
    """A plain note and no figure where there is none; the rest of the study stands."""
    values, opens = (each.to_numpy() for each in values_and_opens())
    plan = FactorPlan((1, 80) if kind == "long horizon" else (1,), costs=SpreadCosts(0.001))
    if kind == "constant":
        values = np.full_like(values, 0.1)
    elif kind == "unknown":
        values = np.full_like(values, NAN)
    elif kind == "one member":
        values, opens = values[:, :1], opens[:, :1]
    elif kind == "few members":
        values, opens = values[:, :4], opens[:, :4]
    study = studied(values, opens, 58, plan)
    assert any(word in note for note in study.notes), study.notes
    row = study.summary.loc[plan.horizons[-1]]
    lacking = ["spread", "net_spread"] if kind == "few members" else ["rank_ic", "ic", "slope"]
    assert row[lacking].isna().all()
    assert np.isfinite(study.summary["rank_ic"].loc[1]) == (kind in ("few members", "long horizon"))
    for text in (study._repr_html_(), study.html("plotly.js")):
        assert word.split(":")[0] in text


def test_values_of_your_own_are_studied_as_a_feature_is(store: Store) -> None:
    days = ("2007-11-15", "2008-01-28")
    own = store.features(["return_1"], *days)["return_1"].unstack()
    mine, theirs = (store.factor(each, *days, quantiles=2) for each in (own, "return_1"))
    np.testing.assert_array_equal(mine.rank_ic, theirs.rank_ic)
    np.testing.assert_array_equal(mine.returns, theirs.returns)
    with pytest.raises(ContractError, match="no value of a session and symbol"):
        store.factor(own.add_prefix("X"), *days)


def test_at_the_end_of_the_bars_later_returns_are_unknown(store: Store) -> None:
    study = store.factor("return_1", "2013-02-01", horizons=(5,), quantiles=2)
    # An exit five sessions after the next open: six sessions before the last one at the latest.
    assert study.rank_ic[5].notna().sum() == len(study.rank_ic) - 6
    assert study.rank_ic[5].iloc[-6:].isna().all()


@pytest.mark.parametrize("horizons", [(), (0,), (1, 1), (2.5,), (-3,)])
def test_horizons_that_cannot_be(store: Store, horizons: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="The horizons are"):
        store.factor("return_1", horizons=horizons)


def test_quantiles_and_features_that_cannot_be(store: Store) -> None:
    with pytest.raises(SettingsError, match="1 quantiles"):
        store.factor("return_1", quantiles=1)
    with pytest.raises(UnknownNameError, match="retrn_1"):
        store.factor("retrn_1")


DAYS = ("2007-11-15", "2008-01-28")


@pytest.mark.parametrize(
    ("given", "said"), [(3, "is 3"), (None, "is None"), (NAN, "is nan"), ([], r"is \[\]")]
)
def test_what_is_no_factor_is_refused(store: Store, given: object, said: str) -> None:
    with pytest.raises(SettingsError, match=f"A factor {said}"):
        store.factor(given, *DAYS)  # type: ignore[arg-type]


def test_a_horizon_beyond_what_is_stored_is_refused_at_once(store: Store) -> None:
    with pytest.raises(SettingsError, match=r"A horizon is 1,000,000,000, and [\d,]+ sessions"):
        store.factor("rsi_14", *DAYS, horizons=(1, 10**9))


@pytest.mark.parametrize("horizons", [5, 0, None, (True,)])
def test_horizons_are_whole_numbers(store: Store, horizons: object) -> None:
    if horizons == 5:
        assert store.factor("rsi_14", *DAYS, horizons=5).summary.index.tolist() == [5]  # type: ignore[arg-type]
        return
    with pytest.raises(SettingsError, match="The horizons are"):
        store.factor("rsi_14", *DAYS, horizons=horizons)  # type: ignore[arg-type]


def test_values_that_cannot_be_read_are_refused(store: Store) -> None:
    prices = store.prices(*DAYS)
    with pytest.raises(ContractError, match="are no numbers"):
        store.factor(prices.astype(str) + "x", *DAYS)
    with pytest.raises(ContractError, match="The factor has 2007-11-15 00:00:00 twice"):
        store.factor(pd.concat([prices, prices]), *DAYS)
    with pytest.raises(ContractError, match="The factor has AAPL twice"):
        store.factor(pd.concat([prices, prices], axis=1), *DAYS)


@pytest.mark.parametrize("names", [None, 3])
def test_what_are_no_factors_is_refused(store: Store, names: object) -> None:
    with pytest.raises(SettingsError, match="The factors are"):
        store.factors(names)  # type: ignore[arg-type]


@pytest.mark.parametrize("symbols", [3, [3], [None], NAN])
def test_what_is_no_symbol_is_refused(store: Store, symbols: object) -> None:
    with pytest.raises(SettingsError, match="is no name"):
        store.prices(*DAYS, symbols=symbols)  # type: ignore[arg-type]
