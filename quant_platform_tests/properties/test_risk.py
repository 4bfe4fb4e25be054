"""The risk tables of the pipeline: what the store shows of them, and what their checks see."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SealedError, SessionError, UnknownNameError
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.quality.check import CheckContext
from quant_platform.quality.risk import exposures_centred, returns_add_up
from quant_platform.quality.sampling import sampled
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import keep_holdout
from quant_platform_tests.support.pipeline import FIRST, LAST, platform_of
from quant_platform_tests.support.tables import fetch

DAYS = [day.isoformat() for day in XNYS.sessions(parse_date(FIRST), parse_date(LAST))]
INVESTED = "equal_weight"


def test_the_store_brings_forecasts_and_returns_together(whole: Database) -> None:
    report = Store(whole).risk(FIRST, LAST, models=INVESTED)
    rows = report.forecasts
    # The first session has no forecast: the market's portfolios begin with it.
    assert [str(day.date()) for day in rows["date"]] == DAYS[1:]
    assert [str(day.date()) for day in rows["forecast_on"]] == DAYS[:-1]
    stored = fetch(
        whole,
        "SELECT r.volatility FROM risk_forecasts AS r JOIN models AS m ON m.id = r.model_id"
        " WHERE model_name = %s AND date < %s ORDER BY date",
        INVESTED,
        LAST,
    )
    np.testing.assert_array_equal(rows["volatility"], [value for (value,) in stored])
    held = rows[rows["positions"] > 0]
    assert held["volatility"].between(0.003, 0.03).all()
    shares = held[["market_share", "style_share", "sector_share", "specific_share"]]
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-9)
    assert (held["value_at_risk_99"] > held["value_at_risk_95"]).all()
    verdict = report.backtest.loc[INVESTED]
    assert verdict["sessions"] == (rows["volatility"] > 0).sum()
    # Without positions nothing is forecast, and what is paid for selling them is no exception.
    beyond = (rows["daily_return"] < -rows["value_at_risk_95"]) & (rows["positions"] > 0)
    assert verdict["exceptions_95"] == beyond.sum()
    assert len(report.figure(INVESTED).data) == 4
    assert INVESTED in report._repr_html_()


def test_one_line_where_there_is_nothing(whole: Database) -> None:
    store = Store(whole)
    with pytest.raises(SessionError, match="no forecasts of risk from 1990-01-02"):
        store.risk("1990-01-02", "1990-12-31")
    with pytest.raises(UnknownNameError, match="no model nobody"):
        store.risk(FIRST, LAST, models="nobody")
    with pytest.raises(UnknownNameError, match="no forecast of the model 'nobody'"):
        store.risk(FIRST, LAST).figure("nobody")


def test_the_hold_out_covers_forecasts(computed: Database) -> None:
    keep_holdout(computed, "2004-12-01", "somebody")
    store = Store(computed)
    with pytest.raises(SealedError):
        store.risk(FIRST, LAST)
    report = store.risk(FIRST, "2004-11-30")
    assert report.forecasts["date"].max() == pd.Timestamp("2004-11-30")
    for table in ("risk_forecasts", "factor_returns", "specific_returns", "factor_exposures"):
        newest = store.sql(f"SELECT max(date) AS day FROM {table}")["day"].iloc[0]  # noqa: S608
        assert pd.Timestamp(newest).date() < date(2004, 12, 1), table


def test_the_checks_see_what_does_not_add_up(computed: Database, tmp_path: Path) -> None:
    platform = platform_of(computed, tmp_path)
    context = CheckContext(platform, DAYS, 1)
    for check in (exposures_centred, returns_add_up):
        assert not len(check(context).failures)
    chosen = sampled(platform.calendar, DAYS)
    assert returns_add_up(context).judged == frozenset(chosen)
    assert exposures_centred(context).judged == frozenset(DAYS)
    fetch(computed, "UPDATE factor_exposures SET size = size + 0.01 WHERE date = %s", DAYS[40])
    fetch(
        computed,
        "UPDATE specific_returns SET specific_return = specific_return + 1e-6"
        " WHERE date = %s AND security_id = 'IBM'",
        chosen[0],
    )
    found = exposures_centred(context).failures
    assert [str(pd.Timestamp(day).date()) for day in found["date"]] == [DAYS[40]]
    apart = returns_add_up(context).failures
    assert [str(pd.Timestamp(day).date()) for day in apart["date"]] == [chosen[0]]
    assert "IBM" in str(apart["example"].iloc[0])
