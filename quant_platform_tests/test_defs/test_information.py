"""News and figures of the economy as assets: what is asked for, and what is stored and used."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

import quant_platform as qp
from quant_platform.defs.assets import evaluation, features, information
from quant_platform.defs.assets.common import AssetContext
from quant_platform.defs.tags import FETCH_TAG
from quant_platform.errors import HistoryError, PlanError, VendorDownError, VendorError
from quant_platform.market.calendar import XNYS
from quant_platform.market.news_and_economy import SERIES
from quant_platform.market.universe import EVERYBODY, UniverseRule
from quant_platform.pipeline.information import BLOCK_SESSIONS, known_figures, news_chunks
from quant_platform.pipeline.ingest import Fetch
from quant_platform.vendors.abilities import Abilities
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.lab import Lab, MakeLab, WindowVendor, failure_text, iso

FIRST, LAST = date(2000, 3, 1), date(2000, 4, 14)
SESSIONS = iso(XNYS.sessions(FIRST, LAST))

SYMBOLS = pd.DataFrame(
    {
        "date": pd.to_datetime(["2000-03-01", "2000-03-01", "2000-03-20"]),
        "symbol": ["AAPL", "OLD", "OLD"],
        "security_id": ["apple", "old", None],
    }
).astype({"date": "datetime64[s]", "symbol": "str", "security_id": "str"})


class InformedVendor(WindowVendor):
    """The sample market with an article a day about Apple at noon and about OLD in the evening.

    Yields rise by a hundredth a day, those of ten years one point above those of three months;
    every month has its figures.
    """

    name = "informed"

    def __init__(self, first: str, last: str) -> None:
        super().__init__(first, last)
        self.asked: list[tuple[str, date, date]] = []
        self.refusal: dict[str, VendorError] = {}

    @property
    def abilities(self) -> Abilities:
        return Abilities(information=self)

    def news(self, first: date, last: date) -> pd.DataFrame:
        self._ask("news", first, last)
        days = pd.date_range(first, last, tz="America/New_York")
        frame = pd.DataFrame(
            {
                "published_at": [
                    day + pd.Timedelta(hours=hour) for day in days for hour in (12, 18)
                ],
                "symbol": ["AAPL", "OLD"] * len(days),
            }
        )
        frame["published_at"] = (
            frame["published_at"].dt.tz_convert("UTC").astype("datetime64[us, UTC]")
        )
        frame["news_id"] = frame["published_at"].dt.strftime("%Y-%m-%d")
        frame["sentiment"] = [1.0, np.nan] * len(days)
        return frame.assign(publisher="The Wire", url=None)

    def economy(self, series: str, first: date, last: date) -> pd.DataFrame:
        self._ask(series, first, last)
        days = pd.date_range(first, last)
        if SERIES[series].monthly:
            days = days[days.day == 1]
        figure = SERIES[series].figures[1]
        frame = pd.DataFrame({"date": days.as_unit("s")})
        frame[figure] = 4.0 + (days - pd.Timestamp(FIRST)).days / 100.0
        if series == "treasury_yields":
            frame["yield_2_year"], frame["yield_10_year"] = (
                frame[figure] + 0.75,
                frame[figure] + 1.0,
            )
        return frame[days.day_of_week < 5] if series == "treasury_yields" else frame

    def _ask(self, name: str, first: date, last: date) -> None:
        self.asked.append((name, first, last))
        if name in self.refusal:
            raise self.refusal[name]


def informed() -> InformedVendor:
    return InformedVendor(FIRST.isoformat(), LAST.isoformat())


def market_of(vendor: SampleVendor) -> AssetContext:
    return AssetContext(vendor, XNYS, UniverseRule.parse(EVERYBODY))


def rows_of(
    vendor: InformedVendor, keys: Sequence[str], warnings: list[str] | None = None
) -> pd.DataFrame:
    said = warnings if warnings is not None else []
    chunks = list(news_chunks(vendor, XNYS, keys, SYMBOLS, said.append))
    assert [key for chunk in chunks for key in chunk.sessions] == list(keys)
    for chunk in chunks:
        assert set(chunk.frames["news"]["date"].dt.strftime("%Y-%m-%d")) <= set(chunk.sessions)
    return pd.concat([chunk.frames["news"] for chunk in chunks], ignore_index=True)


class TestNewsChunks:
    def test_the_articles_of_a_session(self) -> None:
        """Tuesday holds Monday evening's OLD and Tuesday noon's AAPL."""
        vendor = informed()
        rows = rows_of(vendor, ["2000-03-07"])
        found = list(zip(rows["news_id"], rows["symbol"], rows["security_id"], strict=True))
        assert found == [("2000-03-06", "OLD", "old"), ("2000-03-07", "AAPL", "apple")]
        assert vendor.asked == [("news", date(2000, 3, 6), date(2000, 3, 7))]

    def test_a_ticker_means_what_it_means_in_the_session(self) -> None:
        rows = rows_of(informed(), SESSIONS)
        old = rows[rows["symbol"] == "OLD"].set_index("date")["security_id"]
        assert (old[:"2000-03-17"] == "old").all()
        assert old["2000-03-20":].isna().all()

    def test_no_day_is_asked_for_twice(self) -> None:
        vendor = informed()
        rows = rows_of(vendor, SESSIONS)
        days = [day for _, first, last in vendor.asked for day in pd.date_range(first, last)]
        assert days == pd.date_range("2000-02-29", LAST).tolist()
        assert len(vendor.asked) == -(-len(SESSIONS) // BLOCK_SESSIONS)
        # Noon of every day from 1 March to 14 April, evenings from 29 February to 13 April.
        assert rows["symbol"].value_counts().to_dict() == {"AAPL": 45, "OLD": 45}

    def test_chunk_by_chunk_as_session_by_session(self) -> None:
        whole = rows_of(informed(), SESSIONS)
        single = [rows_of(informed(), [key]) for key in SESSIONS]
        pd.testing.assert_frame_equal(pd.concat(single, ignore_index=True), whole)

    @pytest.mark.parametrize("error", [PlanError("Not in plan"), HistoryError("Too old")])
    def test_what_the_plan_leaves_out_is_empty(self, error: PlanError) -> None:
        vendor = informed()
        warnings: list[str] = []
        vendor.refusal["news"] = error
        assert rows_of(vendor, SESSIONS[:3], warnings).empty
        assert warnings == [f"No news from 2000-02-29 to 2000-03-03: {error.message}"]

    def test_a_plan_without_news_is_asked_once(self) -> None:
        vendor = informed()
        vendor.refusal["news"] = PlanError("Not in plan")
        warnings: list[str] = []
        assert rows_of(vendor, SESSIONS, warnings).empty
        assert len(vendor.asked) == 1
        assert warnings == ["No news from 2000-02-29 to 2000-04-14: Not in plan"]

    @pytest.mark.parametrize("begins", [1, 10, 21, 32])
    def test_history_that_begins_later(self, begins: int) -> None:
        """The session that it begins with is found by halving, and nothing after it is lost."""

        class Recent(InformedVendor):
            def news(self, first: date, last: date) -> pd.DataFrame:
                self._ask("news", first, last)
                if first < date.fromisoformat(SESSIONS[begins]):
                    raise HistoryError("Too old")
                return super().news(first, last)

        vendor = Recent(FIRST.isoformat(), LAST.isoformat())
        rows = rows_of(vendor, SESSIONS)
        assert rows["date"].min() == pd.Timestamp(SESSIONS[begins])
        assert rows["date"].nunique() == len(SESSIONS) - begins
        refused = [first for _, first, _ in vendor.asked if first.isoformat() < SESSIONS[begins]]
        assert len(refused) <= 1 + len(SESSIONS).bit_length()

    def test_a_vendor_that_is_down_is_a_failure(self) -> None:
        vendor = informed()
        vendor.refusal["news"] = VendorDownError("Down")
        with pytest.raises(VendorDownError):
            rows_of(vendor, SESSIONS[:1])


class TestKnownFigures:
    @staticmethod
    def of(vendor: InformedVendor, series: str, keys: Sequence[str]) -> pd.DataFrame:
        return known_figures(vendor, XNYS, series, keys, pytest.fail)[0]

    def test_yields(self) -> None:
        vendor = informed()
        rows = self.of(vendor, "treasury_yields", ["2000-03-03", "2000-03-06"])
        assert vendor.asked == [("treasury_yields", date(2000, 3, 2), date(2000, 3, 5))]
        assert rows["observed_on"].dt.day.tolist() == [2, 3]
        assert rows["yield_3_month"].tolist() == [4.01, 4.02]

    def test_a_vendor_is_asked_when_a_month_becomes_known_and_not_else(self) -> None:
        vendor = informed()
        found = [self.of(vendor, "inflation", [key]) for key in SESSIONS]
        # January's 65 days from its first are 31 + 29 to 1 March, and 5 more.
        assert vendor.asked == [
            ("inflation", date(2000, 1, 1), date(2000, 1, 31)),
            ("inflation", date(2000, 2, 1), date(2000, 2, 29)),
        ]
        rows = pd.concat(found)
        assert iso(rows["date"]) == ["2000-03-06", "2000-04-06"]
        assert iso(rows["observed_on"]) == ["2000-01-01", "2000-02-01"]

    @pytest.mark.parametrize("series", SERIES)
    def test_what_the_plan_leaves_out_is_empty(self, series: str) -> None:
        vendor = informed()
        warnings: list[str] = []
        vendor.refusal[series] = PlanError("Not in plan")
        rows, _ = known_figures(vendor, XNYS, series, SESSIONS, warnings.append)
        assert rows.columns.tolist() == ["date", "observed_on", *SERIES[series].figures]
        assert rows.empty
        assert warnings == [f"No {series} for 2000-03-01 to 2000-04-14: Not in plan"]


class TestDefinitions:
    def test_a_vendor_without_information_has_none_of_it(self) -> None:
        vendor = SampleVendor()
        assert vendor.abilities.information is None
        market = market_of(vendor)
        assert information.assets(market) == []
        for definition in (*features.assets(market), *evaluation.assets(market)):
            for keys in definition.asset_deps.values():
                assert not {"news", "treasury_yields"} & {key.to_user_string() for key in keys}

    def test_own_data_needs_no_vendor(self) -> None:
        """A set that reads none of it does not depend on it."""
        market = replace(market_of(SampleVendor()), own_data=True)
        (own,) = information.assets(market)
        assert own.key.to_user_string() == "own_data"
        (columns,) = features.assets(market)
        assert own.key not in columns.asset_deps[columns.key]

    def test_what_depends_on_information(self) -> None:
        vendor = informed()
        assert vendor.abilities.information is vendor
        market = market_of(vendor)
        keys = [asset.key.to_user_string() for asset in information.assets(market)]
        assert keys == ["news", *SERIES]
        (columns,), (_, performance) = features.assets(market), evaluation.assets(market)
        deps = {
            name: {key.to_user_string() for key in definition.asset_deps[definition.key]}
            for name, definition in (("features", columns), ("performance", performance))
        }
        assert "news" in deps["features"]
        assert "treasury_yields" in deps["performance"]


def in_a_notebook(lab: Lab) -> None:
    """News and figures of the economy are read for what is not stored: the bits are the same."""
    store = qp.open(lab.platform.settings)
    for name, table in (("news_sentiment", "features"), ("macro", "features_macro")):
        stored = store.features(name, SESSIONS[2], SESSIONS[-1])
        assert stored.notna().any().all()
        lab.sql(f"DELETE FROM {table} WHERE date = %s", SESSIONS[5])  # noqa: S608 - constant names
        computed = store.features(name, SESSIONS[2], SESSIONS[-1])
        pd.testing.assert_frame_equal(computed, stored, check_exact=True)


def test_the_whole_chain(make_lab: MakeLab) -> None:
    """Stored with their sessions, and used: a sentiment in the features, yields as the rate."""
    vendor = informed()
    lab = make_lab(vendor, QUANT_PLATFORM_FEATURE_SETS="technical, macro")
    result = lab.run("daily_update", SESSIONS[0], SESSIONS[-1])
    assert result.success, failure_text(result)
    # The yields of 6 March are known on the 7th: 4.05; 2 · 4.80 − 4.05 − 5.05 = 0.5.
    macro = "SELECT yield_level, yield_slope, yield_curvature FROM features_macro WHERE date = %s"
    assert [pytest.approx((5.05, 1.0, 0.5), rel=1e-6)] == lab.sql(
        f"{macro} AND symbol = 'IBM'", "2000-03-07"
    )
    in_a_notebook(lab)
    assert lab.value("SELECT count(*) FROM news WHERE symbol = 'AAPL'") == 45
    assert lab.sql(
        "SELECT date::text, published_at AT TIME ZONE 'America/New_York' FROM news"
        " WHERE news_id = '2000-03-04' AND symbol = 'AAPL'"
    ) == [("2000-03-06", pd.Timestamp("2000-03-04 12:00"))]
    assert lab.sql(
        "SELECT symbol, news_sentiment FROM features WHERE date = '2000-03-07' ORDER BY symbol"
    ) == [("AAPL", 1.0), ("IBM", None), ("MSFT", None)]
    rates = lab.sql("SELECT date::text, yield_3_month FROM treasury_yields ORDER BY date LIMIT 2")
    assert rates == [("2000-03-01", 3.99), ("2000-03-02", 4.0)]
    returns = np.array(
        lab.sql(
            "SELECT daily_return, yield_3_month FROM portfolios JOIN treasury_yields USING (date)"
            " JOIN models ON models.id = model_id WHERE is_benchmark ORDER BY date"
        ),
        dtype=np.float64,
    )
    assert len(returns) == len(SESSIONS)
    excess = returns[:, 0] - ((1 + returns[:, 1] / 200) ** (2 / 252) - 1)
    sharpe = lab.value(
        "SELECT sharpe_ratio FROM model_performance JOIN models ON models.id = model_id"
        " WHERE is_benchmark AND window_name = 'inception' AND date = '2000-04-14'"
    )
    assert sharpe == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(252), rel=1e-9)
    assert (
        lab.sql("SELECT check_name FROM data_quality WHERE NOT passed AND severity = 'error'") == []
    )
    asked = len(vendor.asked)
    missing = {FETCH_TAG: Fetch.MISSING.value}
    assert lab.run("information_stage", SESSIONS[0], SESSIONS[-1], tags=missing).success
    assert len(vendor.asked) == asked


def test_the_chain_without_a_plan_for_it(make_lab: MakeLab) -> None:
    """Nothing of it is in the plan: empty tables, no sentiment, no risk-free rate, no failure."""
    vendor = informed()
    vendor.refusal = {name: PlanError("Not in plan") for name in ("news", *SERIES)}
    lab = make_lab(vendor)
    result = lab.run("daily_update", SESSIONS[0], SESSIONS[4])
    assert result.success, failure_text(result)
    for table in ("news", *SERIES):
        assert lab.value(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - constant names
        assert lab.materialised(table) == set(SESSIONS[:5])
    assert lab.value("SELECT count(news_sentiment) FROM features") == 0
    assert lab.value("SELECT count(*) FROM model_performance") > 0
