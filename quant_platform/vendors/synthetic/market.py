"""`SyntheticMarket`: the whole market of a seed, as frames; made once and asked often.

What belongs here: putting the parts together, and the tickers of a session. What does not: the
vendor's protocol (`vendor.py`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from quant_platform.vendors.synthetic.bars import PublishedBars
from quant_platform.vendors.synthetic.prices import Prices
from quant_platform.vendors.synthetic.schedule import Company, Kind, draw_schedule
from quant_platform.vendors.synthetic.signals import SIGNALS

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "synthetic"

PAID_AFTER = timedelta(days=14)
"""From an ex-date to the day on which a dividend is paid."""

PUBLISHED_KINDS = {
    Kind.SPLIT: "split",
    Kind.FALSE_SPLIT: "split",
    Kind.DIVIDEND: "cash_dividend",
    Kind.FALSE_DIVIDEND: "cash_dividend",
    Kind.SPECIAL_DIVIDEND: "special_dividend",
}
"""Kinds of actions that are published, and as what."""


class SyntheticMarket:
    """A market of a seed.

    Parameters
    ----------
    securities : that are listed at a time
    sessions : ascending; a market of more sessions has the same first ones
    seed : not negative

    Attributes
    ----------
    companies : those that are listed up to the last session, by first session
    """

    def __init__(self, securities: int, sessions: Sequence[date], seed: int) -> None:
        self.sessions, self.seed = tuple(sessions), seed
        self.days = np.array(self.sessions, dtype="datetime64[D]")
        self.schedule = draw_schedule(seed, securities, len(self.sessions))
        self.prices = Prices(seed, self.schedule)
        self.published = PublishedBars(seed, self.schedule, self.prices)
        known = [each for each in self.schedule.companies if each.first < len(self.sessions)]
        self.companies = sorted(known, key=lambda each: (each.first, each.number))
        self._ticker = np.full((len(self.sessions), securities), "", dtype="<U12")
        for company in self.companies:
            for since, name in company.names:
                self._ticker[since : self._end(company), company.place] = name

    def number(self, session: date) -> int | None:
        """Number of a session; None for a day that is none of the market's."""
        at = int(np.searchsorted(self.days, np.datetime64(session, "D")))
        return at if at < len(self.days) and self.sessions[at] == session else None

    def last_before(self, day: date) -> int:
        """Number of the last session up to a day; -1: the market begins later."""
        return int(np.searchsorted(self.days, np.datetime64(day, "D"), side="right")) - 1

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Published bars, in the columns of `market_data`."""
        import pandas as pd

        start, end = np.searchsorted(self.days, [np.datetime64(first), np.datetime64(last) + 1])
        numbers = range(int(start), int(end))
        if not numbers:
            return self.bars(self.sessions[0], self.sessions[0])[:0]
        fields = [self.published.fields(k) for k in numbers]
        places = [self.published.places(k) for k in numbers]
        sizes = [len(each) for each in places]
        days = np.repeat(self.days[numbers.start : numbers.stop], sizes)
        symbols = np.concatenate(
            [self._ticker[k, each] for k, each in enumerate(places, numbers.start)]
        )
        return pd.DataFrame(
            {
                "date": days.astype("datetime64[s]"),
                "symbol": pd.array(symbols.tolist(), dtype="str"),
                **{name: np.concatenate([each[name] for each in fields]) for name in fields[0]},
                "source": pd.array([SOURCE] * len(days), dtype="str"),
            }
        )

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Published splits and dividends, in the columns of `corporate_actions`."""
        import pandas as pd

        rows = []
        for action in self.prices.actions:
            day = self.sessions[action.session]
            if first <= day <= last and action.kind in PUBLISHED_KINDS:
                ratio, cash = (action.value, np.nan) if action.is_split else (np.nan, action.value)
                symbol = self.schedule.companies[action.company].ticker(action.session)
                rows.append((day, symbol, PUBLISHED_KINDS[action.kind], ratio, cash, SOURCE))
        names = ["date", "symbol", "action_type", "split_ratio", "cash_amount", "source"]
        frame = pd.DataFrame(rows, columns=names)
        types = {"symbol": "str", "action_type": "str", "source": "str"}
        frame = frame.astype(types | {"split_ratio": "float64", "cash_amount": "float64"})
        frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
        return frame

    def planted_signals(self, first: date, last: date) -> "pd.DataFrame":
        """Signals as they are known after each session's close, of all that have a bar in it.

        Returns
        -------
        date, security_id, symbol, and a column for each of `SIGNALS`
        """
        import pandas as pd

        start, end = np.searchsorted(self.days, [np.datetime64(first), np.datetime64(last) + 1])
        places = [self.published.places(k) for k in range(int(start), int(end))]
        numbers = np.repeat(np.arange(start, end), [len(each) for each in places])
        columns = np.concatenate(places) if places else np.empty(0, dtype=np.intp)
        identities = np.array([security_id(each) for each in self.schedule.companies], dtype=object)
        held = identities[self.schedule.holder[numbers, columns]]
        return pd.DataFrame(
            {
                "date": self.days[numbers].astype("datetime64[s]"),
                "security_id": pd.array(held.tolist(), dtype="str"),
                "symbol": pd.array(self._ticker[numbers, columns].tolist(), dtype="str"),
                **{
                    signal.name: values[numbers, columns]
                    for signal, values in zip(SIGNALS, self.prices.signals, strict=True)
                },
            }
        )

    def ended(self, company: Company) -> int | None:
        """Number of the first session after a company's last one; None while it has not come."""
        end = self._end(company)
        return end if end < len(self.sessions) else None

    def _end(self, company: Company) -> int:
        """Number of the first session after a company's last one, or of the market's."""
        end = len(self.sessions)
        return end if company.last is None else min(company.last + 1, end)


def security_id(company: Company) -> str:
    """Return the FIGI of a company, which is its identity in the platform."""
    return f"BBGSYN{company.number:06}"


@lru_cache(maxsize=2)
def synthetic_market(securities: int, first: date, last: date, seed: int) -> SyntheticMarket:
    """Return the market over the sessions of the New York Stock Exchange from `first` to `last`."""
    from quant_platform.market.calendar import XNYS

    return SyntheticMarket(securities, XNYS.sessions(first, last), seed)
