"""Which session news and figures of the economy belong to."""

from datetime import date
from itertools import pairwise

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.errors import UnknownNameError
from quant_platform.market.calendar import XNYS
from quant_platform.market.news_and_economy import (
    SERIES,
    economy_rows,
    known_from,
    news_rows,
    observed_between,
    published_after,
    session_of,
)
from quant_platform.storage.database import Database
from quant_platform.storage.schema import read_table

# Releases of job openings in 2018, from a calendar of that year (econoday, "Release Schedule").
JOB_OPENINGS_2018 = {
    "2017-11": "2018-01-09",
    "2017-12": "2018-02-06",
    "2018-01": "2018-03-16",
    "2018-02": "2018-04-13",
    "2018-03": "2018-05-08",
    "2018-04": "2018-06-05",
    "2018-05": "2018-07-10",
    "2018-06": "2018-08-07",
    "2018-07": "2018-09-11",
    "2018-08": "2018-10-16",
    "2018-09": "2018-11-06",
    "2018-10": "2018-12-10",
}


def moments(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(list(texts), utc=True, format="ISO8601"))


def articles(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Rows of (id, time in New York, symbol, sentiment)."""
    frame = pd.DataFrame(rows, columns=["news_id", "clock", "symbol", "sentiment"])
    clock = pd.to_datetime(frame["clock"]).dt.tz_localize("America/New_York")
    frame["published_at"] = clock.dt.tz_convert("UTC")
    return frame.drop(columns="clock").assign(publisher="The Wire", url="https://wire.test/1")


def figures(*days: str, **columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(days)).astype("datetime64[s]"), **columns})


class TestSessionOf:
    @pytest.mark.parametrize(
        ("clock", "session"),
        [
            ("2024-06-10T19:59:59.999Z", "2024-06-10"),  # in summer the close is 20:00 UTC
            ("2024-06-10T20:00:00Z", "2024-06-11"),
            ("2024-06-10T16:00:00-04:00", "2024-06-11"),  # the same moment
            ("2024-01-10T20:59:59Z", "2024-01-10"),  # in winter 21:00 UTC
            ("2024-01-10T21:00:00Z", "2024-01-11"),
            ("2024-03-08T20:59:59Z", "2024-03-08"),  # the Friday before the clocks change,
            ("2024-03-11T20:00:00Z", "2024-03-12"),  # and the Monday after
            ("2024-11-29T17:59:59Z", "2024-11-29"),  # after Thanksgiving the close is at 13:00
            ("2024-11-29T18:00:00Z", "2024-12-02"),
            ("2024-06-08T12:00:00Z", "2024-06-10"),  # a Saturday
            ("2024-06-19T12:00:00Z", "2024-06-20"),  # Juneteenth
            ("2024-03-29T12:00:00Z", "2024-04-01"),  # Good Friday
        ],
    )
    def test_by_hand(self, clock: str, session: str) -> None:
        sessions = XNYS.sessions(date(2024, 1, 2), date(2024, 12, 31))
        assert session_of(moments(clock), sessions, XNYS).astype(str).tolist() == [session]

    def test_after_the_last_close_there_is_none_yet(self) -> None:
        found = session_of(moments("2024-06-10T20:00Z", "2024-06-10T19:00Z"), ["2024-06-10"], XNYS)
        assert found.astype(str).tolist() == ["NaT", "2024-06-10"]
        assert len(session_of(moments(), ["2024-06-10"], XNYS)) == 0

    def test_agrees_with_the_exchange_s_closes(self) -> None:
        """5,000 random seconds of 2000 to 2025, and every close and the second before it."""
        xnys = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2025-12-31")
        closes = xnys.closes.dt.tz_convert("UTC")
        random = np.random.default_rng(3).integers(0, 26 * 365 * 86_400, 5_000)
        clock = pd.DatetimeIndex(
            [
                *(pd.Timestamp("2000-01-01", tz="UTC") + pd.to_timedelta(random, unit="s")),
                *closes,
                *(closes - pd.Timedelta(seconds=1)),
            ]
        )
        after = np.searchsorted(closes.dt.tz_localize(None), clock.tz_localize(None), side="right")
        expected = [str(xnys.sessions[at].date()) if at < len(closes) else "NaT" for at in after]
        found = session_of(clock, [day.date() for day in xnys.sessions], XNYS)
        assert found.astype(str).tolist() == expected


class TestNews:
    sent = articles(
        ("late", "2024-06-07 16:00", "AAPL", 1.0),
        ("early", "2024-06-07 15:59", "AAPL", 1.0),
        ("sunday", "2024-06-09 09:00", "MSFT", -1.0),
        ("sunday", "2024-06-09 09:00", "AAPL", np.nan),
        ("tuesday", "2024-06-11 15:00", "AAPL", 0.0),
        ("evening", "2024-06-11 16:30", "AAPL", 0.0),
    )

    def test_rows_of_the_wanted_sessions(self) -> None:
        rows = news_rows(self.sent, ["2024-06-10", "2024-06-11"], XNYS)
        found = list(zip(rows["date"].dt.day, rows["news_id"], rows["symbol"], strict=True))
        assert found == [
            (10, "late", "AAPL"),
            (10, "sunday", "AAPL"),
            (10, "sunday", "MSFT"),
            (11, "tuesday", "AAPL"),
        ]
        np.testing.assert_array_equal(rows["sentiment"], [1.0, np.nan, -1.0, 0.0])

    def test_nothing_before_the_close_of_the_session_before(self) -> None:
        """Monday alone holds the weekend's news, but not Friday's."""
        rows = news_rows(self.sent, ["2024-06-10"], XNYS)
        assert rows["news_id"].tolist() == ["late", "sunday", "sunday"]

    def test_the_same_row_twice_is_one_and_a_contradiction_stays(self) -> None:
        other = self.sent.assign(sentiment=-1.0)
        rows = news_rows(pd.concat([self.sent, self.sent, other]), ["2024-06-11"], XNYS)
        assert rows["sentiment"].tolist() == [0.0, -1.0]

    def test_what_came_too_late(self) -> None:
        assert published_after(self.sent, date(2024, 6, 11), XNYS)["news_id"].tolist() == [
            "evening"
        ]
        assert len(published_after(self.sent, date(2024, 6, 12), XNYS)) == 0

    def test_no_news(self) -> None:
        rows = news_rows(self.sent[:0], ["2024-06-11"], XNYS)
        assert rows.columns[:3].tolist() == ["date", "news_id", "symbol"]
        assert len(rows) == 0


class TestLags:
    @pytest.mark.parametrize(
        ("series", "observed", "known"),
        [
            ("treasury_yields", "2024-06-07", "2024-06-08"),
            ("inflation", "2024-01-01", "2024-03-06"),  # 31 + 29 days are 1 March; 65 are 6 March
            ("inflation", "2024-01-31", "2024-03-06"),  # the same month, dated by its end
            ("labor_market", "2023-12-01", "2024-02-19"),  # 62 days are 1 February; 80 are the 19th
        ],
    )
    def test_by_hand(self, series: str, observed: str, known: str) -> None:
        assert str(known_from(observed, series)) == known

    def test_job_openings_were_published_by_then(self) -> None:
        for month, release in JOB_OPENINGS_2018.items():
            known = known_from(f"{month}-01", "labor_market")
            assert 0 <= (known - np.datetime64(release)).astype(int) <= 16, month

    def test_figures_published_late_in_their_time(self) -> None:
        """Consumer prices of January 2015; spending of July 2023; employment of December 2024."""
        assert known_from("2015-01-01", "inflation") >= np.datetime64("2015-02-26")
        assert known_from("2023-07-01", "inflation") >= np.datetime64("2023-08-31")
        assert known_from("2024-12-01", "labor_market") >= np.datetime64("2025-01-10")

    def test_an_unknown_series(self) -> None:
        with pytest.raises(UnknownNameError, match="treasury_yields, inflation, labor_market"):
            known_from("2024-01-01", "weather")


class TestEconomy:
    def test_yields_are_known_in_the_next_session(self) -> None:
        sent = figures(
            *("2024-06-05", "2024-06-06", "2024-06-07", "2024-06-10"),
            yield_3_month=[5.1, 5.2, 5.3, 5.4],
        )
        rows = economy_rows(sent, "treasury_yields", ["2024-06-07", "2024-06-10"], XNYS)
        # Thursday's on Friday, Friday's on Monday; what was known before, or will be, is left out.
        assert rows["date"].dt.day.tolist() == [7, 10]
        assert rows["observed_on"].dt.day.tolist() == [6, 7]
        assert rows["yield_3_month"].tolist() == [5.2, 5.3]
        assert rows["yield_30_year"].isna().all()

    def test_a_day_without_a_session_has_yields_of_its_own(self) -> None:
        """On Good Friday 2015 bonds were traded: two days become known on Monday."""
        sent = figures("2015-04-02", "2015-04-03", yield_3_month=[0.03, 0.02])
        rows = economy_rows(sent, "treasury_yields", ["2015-04-06"], XNYS)
        assert rows["observed_on"].dt.day.tolist() == [2, 3]

    def test_a_month_is_known_in_one_session(self) -> None:
        sent = figures("2024-01-01", cpi=[309.7], pce=[121.9])
        days = XNYS.sessions(date(2024, 2, 1), date(2024, 4, 30))
        rows = economy_rows(sent, "inflation", days, XNYS)
        assert rows["date"].dt.date.tolist() == [date(2024, 3, 6)]
        assert rows["observed_on"].dt.date.tolist() == [date(2024, 1, 1)]
        assert rows[["cpi", "pce"]].to_numpy().tolist() == [[309.7, 121.9]]

    def test_the_same_row_twice_is_one(self) -> None:
        sent = figures("2024-06-06", "2024-06-06", yield_3_month=[5.2, 5.2])
        assert len(economy_rows(sent, "treasury_yields", ["2024-06-07"], XNYS)) == 1

    @pytest.mark.parametrize(
        ("series", "sessions", "observed"),
        [
            ("treasury_yields", ["2024-06-07"], (date(2024, 6, 6), date(2024, 6, 6))),
            ("treasury_yields", ["2024-06-10"], (date(2024, 6, 7), date(2024, 6, 9))),
            ("inflation", ["2024-03-06"], (date(2024, 1, 1), date(2024, 1, 31))),
            ("inflation", ["2024-03-05"], None),
            ("inflation", ["2024-03-07"], None),
            # 19 February 2024 was Washington's birthday.
            ("labor_market", ["2024-02-20"], (date(2023, 12, 1), date(2023, 12, 31))),
        ],
    )
    def test_what_to_ask_for(
        self, series: str, sessions: list[str], observed: tuple[date, date] | None
    ) -> None:
        assert observed_between(series, sessions, XNYS) == observed

    @settings(max_examples=30, deadline=None)
    @given(
        series=st.sampled_from(sorted(SERIES)),
        cuts=st.lists(st.integers(1, 248), max_size=5, unique=True),
    )
    def test_each_figure_becomes_known_once(self, series: str, cuts: list[int]) -> None:
        """However a backfill is cut, and asking only for what `observed_between` says."""
        days = XNYS.sessions(date(2001, 3, 1), date(2002, 3, 1))
        assert len(days) == 249
        observed = pd.date_range("2000-06-01", "2002-06-01", freq="D")
        if SERIES[series].monthly:
            observed = observed[observed.day == 1]
        sent = pd.DataFrame({"date": observed, SERIES[series].figures[0]: range(len(observed))})
        whole = economy_rows(sent, series, days, XNYS)
        assert not whole["observed_on"].duplicated().any()
        assert len(whole) > 10
        parts = []
        for start, stop in pairwise([0, *sorted(cuts), len(days)]):
            span = observed_between(series, days[start:stop], XNYS)
            inside = sent["date"].dt.date.between(*span) if span else sent["date"].isna()
            parts.append(economy_rows(sent[inside], series, days[start:stop], XNYS))
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


@pytest.mark.parametrize("series", SERIES)
def test_tables_have_the_figures_of_their_series(database: Database, series: str) -> None:
    table = read_table(database, series)
    assert table.key == ("date", "observed_on")
    columns = [column.name for column in table.data_columns]
    assert columns == ["date", "observed_on", *SERIES[series].figures]
    assert {table.column(name).sql_type for name in columns[2:]} == {"double precision"}
