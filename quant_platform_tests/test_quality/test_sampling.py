"""Which sessions are computed again: one of each quarter, whoever asks and in whatever pieces."""

from datetime import date
from itertools import pairwise

import exchange_calendars
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_platform.market.calendar import Calendar
from quant_platform.quality.sampling import cut, sampled

XNYS = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2013-12-31")
SESSIONS = [f"{day:%Y-%m-%d}" for day in XNYS.sessions_in_range("2000-03-01", "2013-03-01")]
WHOLE = sampled(Calendar(), SESSIONS)


@pytest.mark.parametrize(
    ("sample", "checksum", "quarter"),
    [
        # CRC-32 of the quarter's name, as `printf 2000Q1 | gzip | tail -c8` prints it, last byte
        # first.
        ("2000-03-14", 0x7F6FCE9D, ("2000-01-03", "2000-03-31")),
        ("2000-04-27", 0xE6669F27, ("2000-04-03", "2000-06-30")),
    ],
)
def test_the_name_of_the_quarter_points_at_its_session(
    sample: str, checksum: int, quarter: tuple[str, str]
) -> None:
    days = XNYS.sessions_in_range(*quarter)
    assert f"{days[checksum % len(days)]:%Y-%m-%d}" == sample
    assert sample in WHOLE


def test_at_most_one_session_of_each_quarter() -> None:
    assert len(SESSIONS) == 3270
    quarters = [str(pd.Period(day, "Q")) for day in WHOLE]
    # Whole quarters from the second of 2000 to the last of 2012 are 51; those at the ends are cut.
    assert len(quarters) == len(set(quarters))
    assert 51 <= len(quarters) <= 53
    # Not only at the beginning or at the end of a month.
    assert len({pd.Timestamp(day).day for day in WHOLE}) > 20


@given(st.lists(st.integers(1, len(SESSIONS) - 1), max_size=12))
def test_cuts_change_no_sample(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(SESSIONS)]
    pieces = [SESSIONS[start:end] for start, end in pairwise(places)]
    samples = [sample for piece in pieces for sample in sampled(Calendar(), piece)]
    assert samples == WHOLE


def test_each_session_alone_is_sampled_or_not_as_among_all() -> None:
    year = [day for day in SESSIONS if day.startswith("2004")]
    alone = [day for day in year if sampled(Calendar(), [day])]
    assert alone == [day for day in WHOLE if day.startswith("2004")]
    assert len(alone) == 4


def test_the_last_quarter_of_the_calendar() -> None:
    calendar = Calendar()
    days = calendar.sessions(date(calendar.last.year, 10, 1), calendar.last)
    assert len(sampled(calendar, [day.isoformat() for day in days])) == 1


def test_rows_are_cut_at_both_ends() -> None:
    frame = pd.DataFrame({"date": pd.to_datetime(SESSIONS[:5]), "row": range(5)})
    assert cut(frame, SESSIONS[1:4])["row"].tolist() == [1, 2, 3]
