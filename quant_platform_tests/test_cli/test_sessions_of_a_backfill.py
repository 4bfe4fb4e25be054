"""Which sessions a backfill takes where the vendor has not published the newest ones."""

from datetime import date

import pandas as pd
import pytest

from quant_platform.cli.backfill import _sessions
from quant_platform.errors import SessionError
from quant_platform.market.calendar import XNYS
from quant_platform.vendors.sample import SampleVendor

CLOSED = date(2013, 2, 28)
"""The last session that has closed, a Thursday."""


class SlowVendor(SampleVendor):
    """A market that goes on, of which the sessions after one are not published yet."""

    name = "slow"
    last_session: date | None = None

    def __init__(self, newest: date) -> None:
        self.newest = newest
        self.asked: list[date] = []

    def is_published(self, session: date) -> bool:
        self.asked.append(session)
        return session <= self.newest


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(XNYS), "last_closed", lambda *_: CLOSED)


@pytest.mark.parametrize("behind", [0, 1, 2, 5, 30])
def test_without_an_end_it_stops_at_the_newest_published(
    behind: int, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = XNYS.sessions(date(2012, 1, 3), CLOSED)
    newest = closed[len(closed) - 1 - behind]
    vendor = SlowVendor(newest)
    chosen = _sessions(XNYS, vendor, "2012-01-03", None)
    assert (chosen[0], chosen[-1]) == (closed[0], newest)
    assert len(chosen) == len(closed) - behind
    # One question where nothing is behind, else a few: halving 290 sessions takes nine.
    assert len(vendor.asked) <= (10 if behind else 1)
    said = capsys.readouterr().err
    assert ("Not published yet and left out" in said) == bool(behind)
    if behind:
        assert f"{closed[-behind]}" in said


def test_where_nothing_is_published_it_says_so() -> None:
    with pytest.raises(SessionError, match="Nothing of the range is published yet"):
        _sessions(XNYS, SlowVendor(date(2012, 1, 3)), "2013-01-02", None)


def test_an_end_is_taken_at_its_word() -> None:
    chosen = _sessions(XNYS, SlowVendor(date(2012, 1, 3)), "2013-02-25", "2013-02-27")
    assert [f"{pd.Timestamp(day):%d}" for day in chosen] == ["25", "26", "27"]
