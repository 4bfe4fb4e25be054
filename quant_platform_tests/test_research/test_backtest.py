"""A backtest by hand: what it reads, what was known when, and what it says to nonsense.

That it gives what the pipeline stores is a law: `properties/test_backtest.py`.
"""

import math
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_platform.errors import ContractError, SessionError, SettingsError, UnknownNameError
from quant_platform.evaluation.series import evaluate
from quant_platform.features.compute import feature_arrays
from quant_platform.market.grid import securities_in
from quant_platform.market.panel import Panel
from quant_platform.research.arguments import iso_day
from quant_platform.research.backtest import backtest
from quant_platform.research.benchmark import benchmark_returns
from quant_platform.research.configurations import Configurations
from quant_platform.research.inputs import Needs, last_tickers
from quant_platform.research.prepared import Assumptions
from quant_platform.research.reader import TableReader
from quant_platform.research.store import Store, open_store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.strategies.book import Book
from quant_platform.strategies.function import FunctionStrategy
from quant_platform.trading.costs import Costs
from quant_platform_tests.support.five_sessions import (
    BAR,
    COLUMNS,
    CORRECTED,
    FIRST,
    LAST,
    LEARNED,
    Ten,
    run,
)
from quant_platform_tests.support.tables import fetch

SUPERSEDE = f"""
WITH old AS (DELETE FROM market_data WHERE date = %s RETURNING *)
INSERT INTO market_data_history ({COLUMNS}, superseded_at) SELECT {COLUMNS}, %s FROM old
"""  # noqa: S608 — our own names
YIELD = """
INSERT INTO treasury_yields (date, observed_on, yield_3_month, recorded_at)
VALUES (%s, '2024-01-01', 5.0, %s)
"""
NEWS = """
INSERT INTO news (date, news_id, symbol, published_at, security_id, sentiment, recorded_at)
VALUES (%s, 'n1', 'OLD', '2024-01-03T12:00Z', 'figi', 1, %s)
"""


class _Praised(Ten):
    """Buys what the news speaks well of."""

    name = "praised"
    optional_features = ("news_sentiment",)

    def wanted(self, panel: Panel) -> np.ndarray:
        return panel["news_sentiment"] > 0.0


class _AgainstNew(Ten):
    """Is judged against a security."""

    name = "against_new"
    benchmark = "symbol:NEW"


class TestByHand:
    """10 on the 3rd: bought at 20 on the 4th, 50 shares; a dividend of 50; then 5 a share."""

    def test_portfolios(self, market: Database) -> None:
        result = run(market)
        rows = result.portfolios
        assert rows["equity"].tolist() == [1000.0, 1000.0, 1000.0, 1050.0, 300.0]
        assert rows["dividends"].tolist() == [0.0, 0.0, 0.0, 50.0, 0.0]
        last = result.positions.iloc[-1]
        assert (last["date"], last["security_id"]) == (rows["date"].iloc[-1], "figi")
        assert last["shares"] == 50.0
        assert result.fills["date"].tolist() == [rows["date"].iloc[2]]

    def test_a_book_of_opposite_members(self, market: Database) -> None:
        def sold(panel: Panel) -> np.ndarray:
            return -np.where(panel.close >= 10.0, 1.0, 0.0)

        book = Book("both", {"a": Ten(), "b": sold}, "fixed", shares=[0.5, 0.25])
        result = run(market, book)
        # a is to have 0.5 · 1,000 / 20 = 25 shares, b −12.5: 12.5 are bought. Then the dividend of
        # 1 a share, and the fall from 20 to 5, at whose close both have wanted to leave.
        assert result.fills["shares"].tolist()[:1] == [12.5]
        held = result.member_holdings.groupby("member")["shares"].max()
        assert held["a"] == 25.0
        rows = result.member_attribution.set_index(["date", "member"])
        last, third = result.portfolios["date"].iloc[-1], result.portfolios["date"].iloc[3]
        assert rows.loc[(third, "a"), "dividends"] == 25.0
        assert rows.loc[(third, "b"), "dividends"] == -12.5
        assert rows.loc[(last, "a"), "pnl"] == -375.0
        assert rows.loc[(last, "b"), "pnl"] == 187.5
        assert rows["pnl"].sum() == result.equity.iloc[-1] - 1000.0
        assert set(result.signals["member"]) == {"a", "b"}
        assert run(market).member_attribution.empty

    def test_signals_follow_the_security_under_the_ticker_of_the_session(
        self, market: Database
    ) -> None:
        rows = run(market).signals
        assert rows["symbol"].tolist() == ["OLD"] * 3 + ["NEW"] * 2
        assert rows["security_id"].tolist() == ["figi"] * 5
        assert rows["target_weight"].tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]

    def test_performance(self, market: Database) -> None:
        rows = run(market).performance
        assert rows["window_name"].tolist() == ["inception"] * 5
        assert rows["total_return"].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.05, -0.7])
        assert "model_id" not in rows

    def test_costs(self, market: Database) -> None:
        """Bought 50 shares at 20.02, and 0.1 % of that as commission."""
        rows = run(market, costs=Costs(10.0, 10.0)).portfolios
        spent = 50 * 20.02 * 1.001
        assert rows["cash"].iloc[2] == pytest.approx(1000.0 - spent)


class TestBenchmark:
    """The strategy's own returns: 0 up to the 4th, 0.05, then 300/1050 − 1."""

    OWN = (0.0, 0.0, 0.0, 0.05, 300.0 / 1050.0 - 1.0)

    def test_a_series(self, market: Database) -> None:
        """Half of its own returns: beta 2, and alpha 0."""
        half = pd.Series(
            [value / 2.0 for value in self.OWN],
            index=pd.bdate_range(FIRST, LAST),
            name="half of it",
        )
        row = run(market, benchmark=half).performance.iloc[-1]
        assert row["beta"] == pytest.approx(2.0)
        assert row["alpha"] == pytest.approx(0.0, abs=1e-9)
        assert row["benchmark"] == "half of it"

    def test_a_symbol(self, market: Database) -> None:
        """9, 10, 20, 20 with a dividend of 1, 5: 0, 1/9, 1, 1/20, −3/4; as a series by hand."""
        by_hand = pd.Series([0.0, 1 / 9, 1.0, 0.05, -0.75], index=pd.bdate_range(FIRST, LAST))
        expected = run(market, benchmark=by_hand).performance
        rows = run(market, benchmark="symbol:NEW").performance
        for name in ("alpha", "beta"):
            assert rows[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)
        assert set(rows["benchmark"]) == {"symbol:NEW"}
        assert set(expected["benchmark"]) == {"series"}
        covariance = float(np.cov(self.OWN, by_hand)[0, 1] / np.var(by_hand, ddof=1))
        assert rows["beta"].iloc[-1] == pytest.approx(covariance)

    def test_a_model(self, market: Database) -> None:
        row = run(market, benchmark=Ten()).performance.iloc[-1]
        assert (row["benchmark"], row["beta"]) == ("ten", pytest.approx(1.0))
        named = run(market, benchmark="equal_weight").performance
        pd.testing.assert_frame_equal(named, run(market).performance, check_exact=True)

    def test_a_strategy_states_its_own(self, market: Database) -> None:
        """Its own comes before the default, and an argument before both."""
        reader, days = TableReader(market), (FIRST, LAST)
        own = _AgainstNew()
        rows = backtest(reader, own, *days, default_benchmark="buy_and_hold").performance
        assert set(rows["benchmark"]) == {"symbol:NEW"}
        rows = backtest(reader, Ten(), *days, default_benchmark="buy_and_hold").performance
        assert set(rows["benchmark"]) == {"buy_and_hold"}
        rows = backtest(reader, own, *days, benchmark="equal_weight").performance
        assert set(rows["benchmark"]) == {"equal_weight"}

    def test_a_security_of_the_market_is_not_read_again(self, market: Database) -> None:
        """9, 10, 20, then 20 and a dividend of 1, then 5."""
        reader, days = TableReader(market), [f"2024-01-0{day}" for day in (2, 3, 4, 5, 8)]
        read = benchmark_returns(reader, "symbol:NEW", days)
        assert read.tolist() == pytest.approx([0.0, 1 / 9, 1.0, 1 / 20, -0.75])
        bars, actions = (
            reader.rows(table, (FIRST, LAST)) for table in ("market_data", "corporate_actions")
        )
        # One session more than wanted, as a market has them before a backtest.
        there = Panel.from_frames(bars, actions, ["2023-12-29", *days])
        fetch(market, "DELETE FROM market_data WHERE date < '2024-01-08'")
        pd.testing.assert_series_equal(benchmark_returns(reader, "symbol:NEW", days, there), read)

    @pytest.mark.parametrize(
        ("benchmark", "kind", "text"),
        [
            ("symbol:OLD", UnknownNameError, "no bar of 'OLD', the benchmark, in 2024-01-08"),
            ("none", UnknownNameError, "no strategy none"),
            (5, SettingsError, "The benchmark is 5"),
            (pd.Series([0.1], index=[pd.Timestamp("2020-01-02")]), SettingsError, "no return"),
        ],
    )
    def test_nonsense(
        self, market: Database, benchmark: Any, kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text):
            run(market, benchmark=benchmark)


def test_the_last_ticker_of_years_with_dictionaries_of_their_own() -> None:
    years: list[dict[str, list[str | None]]] = [
        {"security_id": ["a", "b", "a", "c", None], "symbol": ["A", "B", "AA", "C", "D"]},
        {"security_id": ["c", "b", "b"], "symbol": ["C", "BB", "BBB"]},
    ]
    rows = pa.concat_tables(
        pa.table({name: pa.array(texts).dictionary_encode() for name, texts in year.items()})
        for year in years
    )
    assert last_tickers(rows) == {"a": "AA", "b": "BBB", "c": "C"}
    assert securities_in(rows).tolist() == ["a", "b", "c"]
    # What a dictionary holds, but no row uses, is none.
    assert securities_in(rows.slice(2, 1)).tolist() == ["a"]


class TestDeferredFeatures:
    """What only rows of signals are made of is computed when they are asked for."""

    def test_the_volatility_of_a_function(
        self, market: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def watched(panel: Panel, **options: Any) -> dict[str, np.ndarray]:
            asked.extend(options["names"])
            return feature_arrays(panel, **options)

        monkeypatch.setattr("quant_platform.research.inputs.feature_arrays", watched)

        def rising(panel: Panel) -> np.ndarray:
            return np.where(panel["momentum_5"] > 0.0, 1.0, 0.0)

        strategy = FunctionStrategy(rising, ("momentum_5",))
        result = run(market, strategy, benchmark="symbol:NEW")
        assert asked == ["momentum_5"]
        assert len(result.signals) == 5
        assert asked == ["momentum_5", "realized_volatility_20"]

    def test_a_function_that_reads_it(self, market: Database) -> None:
        needs = Needs.of([FunctionStrategy(np.zeros_like, ("realized_volatility_20",))])
        assert needs.features == ("realized_volatility_20",)
        assert not needs.deferred


class TestKnownAt:
    def test_a_correction(self, market: Database) -> None:
        """It closed at 9.5 on the 3rd: bought a day later, and no dividend."""
        before = run(market)
        fetch(market, SUPERSEDE, "2024-01-03", CORRECTED)
        fetch(market, BAR, "2024-01-03", "OLD", CORRECTED, 9.5)
        now = run(market)
        assert now.portfolios["equity"].tolist() == [1000.0] * 4 + [250.0]
        assert now.signals["target_weight"].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0]
        for moment in (LEARNED, "2024-02-02T11:59:59Z"):
            then = run(market, moment=moment)
            for name in ("signals", "portfolios", "performance"):
                pd.testing.assert_frame_equal(
                    getattr(then, name), getattr(before, name), check_exact=True
                )
        again = run(market, moment=CORRECTED)
        pd.testing.assert_frame_equal(again.portfolios, now.portfolios, check_exact=True)

    def test_a_dividend_that_came_late(self, market: Database) -> None:
        fetch(market, "UPDATE corporate_actions SET recorded_at = %s", CORRECTED)
        assert run(market, moment=LEARNED).portfolios["equity"].tolist()[-2:] == [1000.0, 250.0]
        assert run(market).portfolios["equity"].tolist()[-2:] == [1050.0, 300.0]

    def test_yields(self, market: Database) -> None:
        """5 % bond-equivalent is 1.025² − 1 a year: the rate once it was known."""
        fetch(market, YIELD, FIRST, CORRECTED)
        returns = [0.0, 0.0, 0.0, 0.05, 300.0 / 1050.0 - 1.0]
        for moment, annual in ((LEARNED, 0.01), (None, 1.025**2 - 1.0)):
            excess = [each - ((1.0 + annual) ** (1 / 252) - 1.0) for each in returns]
            sharpe = run(market, moment=moment, risk_free=0.01).performance["sharpe_ratio"]
            assert sharpe.iloc[-1] == pytest.approx(mean(excess) / stdev(excess) * math.sqrt(252))

    def test_news(self, market: Database) -> None:
        """The first five sessions that the feature looks back on end on the 8th."""
        fetch(market, NEWS, "2024-01-03", CORRECTED)
        assert run(market, _Praised()).signals["target_weight"].tolist() == [0.0] * 4 + [1.0]
        then = run(market, _Praised(), moment=LEARNED)
        assert then.signals["target_weight"].tolist() == [0.0] * 5


class TestNonsense:
    @pytest.mark.parametrize(
        ("arguments", "moment", "kind", "text"),
        [
            (("none", FIRST, LAST), None, UnknownNameError, "no strategy none"),
            ((Ten(), LAST, FIRST), None, SessionError, "2024-01-08 to 2024-01-02 is reversed"),
            ((Ten(), "soon", LAST), None, SessionError, "'soon' is not a date"),
            (
                (Ten(), "2023-01-03", "2023-01-31"),
                None,
                SessionError,
                "no data from 2023-01-03 .* runs from 2024-01-02 to 2024-01-08",
            ),
            (
                (Ten(), FIRST, LAST),
                "2024-01-31",
                SessionError,
                "no bars known at 2024-01-31. Choose a later moment",
            ),
            ((Ten(), FIRST, LAST), "2024-01-31T12:00", SessionError, "time zone"),
        ],
    )
    def test_arguments(
        self, market: Database, arguments: Any, moment: Any, kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text) as caught:
            backtest(TableReader(market, moment), *arguments)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"costs": 5}, "The costs are 5"),
            ({"capital": 0.0}, "The capital is 0.0"),
            ({"capital": float("nan")}, "The capital is nan"),
            ({"capital": "much"}, "The capital is 'much'"),
            ({"strategy": Ten}, "Ten'> is no strategy"),
        ],
    )
    def test_options(self, market: Database, options: Any, text: str) -> None:
        with pytest.raises(SettingsError, match=text):
            run(market, **options)

    def test_nothing_stored(self, database: Database) -> None:
        with pytest.raises(SessionError, match="There are no bars"):
            run(database)

    @pytest.mark.parametrize("table", ["market_data", "trading_universe"])
    def test_a_hole(self, market: Database, table: str) -> None:
        fetch(market, f"DELETE FROM {table} WHERE date = '2024-01-04'")  # noqa: S608 — two names
        with pytest.raises(SessionError, match=f"{table} lacks 1 .* --start 2024-01-04"):
            run(market)

    def test_no_universe_at_all(self, market: Database) -> None:
        fetch(market, "DELETE FROM trading_universe")
        with pytest.raises(SessionError, match="trading_universe lacks 5 of the sessions"):
            run(market)

    def test_a_universe_not_known_yet(self, market: Database) -> None:
        fetch(market, "UPDATE trading_universe SET recorded_at = %s", CORRECTED)
        with pytest.raises(SessionError, match=r"lacks 5 .* known at .*Choose a later moment"):
            run(market, moment=LEARNED)

    def test_a_feature_that_is_none(self, market: Database) -> None:
        class _Wrong(Ten):
            optional_features = ("colour",)

        with pytest.raises(UnknownNameError, match="colour"):
            run(market, _Wrong())


class TestStore:
    def test_assumes_the_settings(self, market: Database, settings: Settings) -> None:
        chosen = settings.model_copy(
            update={"costs": "ideal", "capital": 500.0, "commission_bp": 0.0, "slippage_bp": 0.0}
        )
        result = open_store(chosen).backtest(Ten(), FIRST, LAST)
        assert result.portfolios["equity"].tolist() == [500.0, 500.0, 500.0, 525.0, 150.0]
        rich = open_store(chosen).backtest(Ten(), FIRST, LAST, capital=1000.0)
        assert rich.portfolios["equity"].iloc[-1] == 300.0

    def test_assumes_the_defaults_without_settings(self, market: Database) -> None:
        result = Store(market).backtest(Ten(), FIRST, LAST)
        assert result.portfolios["equity"].iloc[0] == 1_000_000.0
        assert result.portfolios["costs"].sum() > 0.0

    def test_takes_names_and_days(self, market: Database) -> None:
        days = pd.Timestamp(FIRST), pd.Timestamp(LAST).date()
        result = Store(market).at(LEARNED).backtest("buy_and_hold", *days)
        assert len(result.portfolios) == 5
        assert result.performance["beta"].iloc[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0, -2.0, "x", None])
def test_a_risk_free_rate_is_a_number(rate: Any) -> None:
    with pytest.raises(SettingsError, match="The risk-free rate is"):
        Assumptions(risk_free=rate)


@pytest.mark.parametrize("day", [3, None, math.nan, "", pd.NaT, ["2008-01-02"]])
def test_a_day_is_a_date(day: Any) -> None:
    with pytest.raises(SessionError, match="is not a date"):
        iso_day(day)


def test_a_parameter_has_a_name() -> None:
    with pytest.raises(SettingsError, match="3 is no name of a parameter"):
        Configurations.of({3: [1]}, None, 0)  # type: ignore[arg-type]


def test_returns_are_numbers() -> None:
    with pytest.raises(ContractError, match="The returns are no series of numbers"):
        evaluate(pd.Series(["a", "b"]))
