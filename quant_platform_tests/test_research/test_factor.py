"""A factor study's later returns by hand, and a whole one against what SciPy says."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import spearmanr

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.research.factor import forward_returns
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform_tests.support.server import Server

NAN = np.nan


def test_returns_begin_with_the_next_open_and_hold_splits_and_dividends() -> None:
    """One security in six sessions; a 2:1 split before the third, 0.5 paid in the fifth.

    From the first session, two on: bought at 10 in the second, sold at 5.5 in the fourth, two for
    one: 1.1 / 1 − 1 = 10 %. From the third: bought at 5.5 in the fourth, sold at 6.6 in the sixth;
    the 0.5 of the fifth is reinvested at its close of 5.5: 1.2 · 12/11 − 1 = 30.9 %. With its open
    in the last session unknown it leaves at the close of the session before.
    """
    days = np.array(XNYS.sessions(parse_date("2024-01-02"), parse_date("2024-01-09")), "M8[D]")
    opens = np.array([9.0, 10.0, 5.0, 5.5, 6.0, 6.6])[:, None]
    closes = np.array([9.5, 10.5, 5.2, 5.6, 5.5, 6.8])[:, None]
    panel = Panel(
        days,
        ("A",),
        open=opens,
        close=closes,
        split=np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])[:, None],
        dividend=np.array([0.0, 0.0, 0.0, 0.0, 0.5, 0.0])[:, None],
    )
    found = forward_returns(panel, 2)[:, 0]
    assert found[0] == pytest.approx(0.1)
    assert found[2] == pytest.approx(1.2 * 12.0 / 11.0 - 1.0)
    assert np.isnan(found[3:]).all()
    opens[5], closes[5] = NAN, NAN
    gone = Panel(days, ("A",), open=opens, close=closes, split=panel.split, dividend=panel.dividend)
    assert forward_returns(gone, 2)[2, 0] == pytest.approx(5.5 / 5.5 * 12.0 / 11.0 - 1.0)


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
    study = store.factor("return_1", *days, horizons=(1, 2), quantiles=2)
    bars = store.bars("2007-11-15", "2008-01-31")
    opens = bars.pivot_table("open_price", "date", "symbol")
    values = store.features(["return_1"], *days)["return_1"].unstack()
    assert study.ic.index.equals(values.index)
    for horizon in (1, 2):
        later = opens.shift(-1 - horizon) / opens.shift(-1) - 1.0
        expected = [spearmanr(values.loc[day], later.loc[day]).statistic for day in study.ic.index]
        np.testing.assert_allclose(study.ic[horizon], expected, rtol=1e-12)
    # Of four, the upper two are the half with the higher ranks.
    later = opens.shift(-2) / opens.shift(-1) - 1.0
    upper = values.rank(axis=1) > 2
    means = later.loc[values.index].where(upper).mean(axis=1)
    np.testing.assert_allclose(study.returns[(1, 2)], means, rtol=1e-12)
    summary = study.summary.loc[1]
    assert summary["ic"] == pytest.approx(study.ic[1].mean())
    assert summary["sessions"] == len(values) == 49
    # The last returns need three more sessions than there are values, which are stored.
    assert study.ic.notna().all().all()
    assert (study.coverage == 1.0).all()
    assert "49" in study._repr_html_()
    assert len(study.plot().data) == 4


def test_values_of_your_own_are_studied_as_a_feature_is(store: Store) -> None:
    days = ("2007-11-15", "2008-01-28")
    own = store.features(["return_1"], *days)["return_1"].unstack()
    mine, theirs = (store.factor(each, *days, quantiles=2) for each in (own, "return_1"))
    np.testing.assert_array_equal(mine.ic, theirs.ic)
    np.testing.assert_array_equal(mine.returns, theirs.returns)
    with pytest.raises(ContractError, match="no value of a session and symbol"):
        store.factor(own.add_prefix("X"), *days)


def test_at_the_end_of_the_bars_later_returns_are_unknown(store: Store) -> None:
    study = store.factor("return_1", "2013-02-01", horizons=(5,), quantiles=2)
    # An exit five sessions after the next open: six sessions before the last one at the latest.
    assert study.ic[5].notna().sum() == len(study.ic) - 6
    assert study.ic[5].iloc[-6:].isna().all()


@pytest.mark.parametrize("horizons", [(), (0,), (1, 1), (2.5,), (-3,)])
def test_horizons_that_cannot_be(store: Store, horizons: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="The horizons are"):
        store.factor("return_1", horizons=horizons)


def test_quantiles_and_features_that_cannot_be(store: Store) -> None:
    with pytest.raises(SettingsError, match="1 quantiles"):
        store.factor("return_1", quantiles=1)
    with pytest.raises(UnknownNameError, match="retrn_1"):
        store.factor("retrn_1")
