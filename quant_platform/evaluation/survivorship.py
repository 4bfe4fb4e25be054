"""What securities that ended do to a result: survivorship, measured.

1. A security has ended where it was a member in some session and has had no bar for as long as
   positions are kept without one (`DelistingRules.sessions`), or where it has no bar in the last
   session and the reference data say that it is delisted. All others survive.
2. The universe is held in equal parts: in each session, the mean return of the members of the
   session before. What has no bar keeps its price; in the session after its last bar, one that
   ended returns what is assumed of delistings, once.
3. Survivors alone, the mean is over the members that survive to the last session: what a list of
   today's securities would have shown. The difference is the bias. Source: E. Elton, M. Gruber and
   C. Blake, "Survivorship Bias and Mutual Fund Performance", *Rev. Financial Studies* 9(4), 1996.
4. A portfolio under another delisting return is `endings.py`; one of the survivors alone is run
   again by who can (`research/`).

−30 % is the mean return of delistings for performance reasons that T. Shumway found, "The Delisting
Bias in CRSP Data", *Journal of Finance* 52(1), 1997; −100 % is the worst there is.

What does not belong here: reading rows, and running a strategy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.endings import total_return_under
from quant_platform.kernels.adjustment import later_product
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.market.panel import Panel
from quant_platform.trading.delistings import DelistingRules

SCENARIOS = (-0.30, -1.00)
"""Returns of delistings under which a result is stated."""

AS_IS, SURVIVORS = "as it was", "survivors only"

UNIVERSE, PORTFOLIO = "universe", "portfolio"

RESULT_COLUMNS = ("of", "scenario", "total_return", "annualized_return", "difference")


@dataclass(frozen=True)
class Survivorship:
    """What ended in a universe, and what results are with and without it.

    Attributes
    ----------
    first, last : sessions that are looked at
    members : securities that were members in some session
    ended : how many of them have ended
    without_price : share of them without a bar in the last session
    first_members, first_without_price : the same of the members of the first session
    endings : the members that have ended: security_id, first_session and last_session with a bar,
        last_price, retired (the reference data say so)
    results : `RESULT_COLUMNS`: total and annualised return of the universe in equal parts and of
        the portfolio, under each scenario, and the difference to what it was
    notes : what is not stated, and why
    """

    first: np.datetime64
    last: np.datetime64
    members: int
    ended: int
    without_price: float
    first_members: int
    first_without_price: float
    endings: pd.DataFrame
    results: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One sentence of what ended."""
        if not self.members:
            return f"No security was a member from {self.first} to {self.last}"
        return (
            f"{self.ended} of {self.members} members have ended by {self.last},"
            f" and {self.without_price:.1%} of all members have no price in that session"
        )


@dataclass(frozen=True, eq=False)
class UniverseHistory:
    """Bars and membership over sessions; arrays have shape (T, N).

    Attributes
    ----------
    sessions, security_ids : of rows and columns
    close : raw closes, NaN without a bar
    split, dividend : as a panel's
    member : who was in the universe of each session
    retired : (N,) the reference data of the last session say that it is delisted
    silent : sessions without a bar from which on a security counts as ended
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    close: FloatArray
    split: FloatArray
    dividend: FloatArray
    member: BoolArray
    retired: BoolArray
    silent: int = DelistingRules().sessions

    @classmethod
    def of_panel(
        cls,
        panel: Panel,
        member: BoolArray,
        retired: BoolArray | None = None,
        silent: int = DelistingRules().sessions,
    ) -> "UniverseHistory":
        """Take the bars and actions of a panel.

        Parameters
        ----------
        member : of the panel's shape
        retired : of its securities; None: the reference data retire none
        """
        close = np.where(panel.traded, panel.close, np.nan)
        gone = np.zeros(len(panel.security_ids), dtype=bool) if retired is None else retired
        return cls(
            panel.sessions,
            panel.security_ids,
            close,
            panel.split,
            panel.dividend,
            member,
            gone,
            silent,
        )

    @property
    def traded(self) -> BoolArray:
        """Where there is a bar."""
        return np.isfinite(self.close)

    @cached_property
    def returns(self) -> FloatArray:
        """Total returns by session, where a security without a bar keeps its last price."""
        later = later_product(self.split)
        price = self.close / later
        count = np.arange(len(price))[:, None]
        at = np.maximum.accumulate(np.where(np.isfinite(price), count, -1), axis=0)
        carried = np.where(at >= 0, np.take_along_axis(price, np.maximum(at, 0), axis=0), np.nan)
        found = np.full(price.shape, np.nan)
        found[1:] = (carried[1:] + self.dividend[1:] / later[1:]) / carried[:-1] - 1.0
        return found

    @cached_property
    def last_bar(self) -> NDArray[np.int64]:
        """Number of the last session with a bar of each security, −1: none."""
        numbers = np.where(self.traded, np.arange(len(self.sessions))[:, None], -1)
        return np.asarray(numbers.max(axis=0, initial=-1), dtype=np.int64)

    @cached_property
    def survives(self) -> BoolArray:
        """Which securities have not ended."""
        recent = self.last_bar >= len(self.sessions) - min(self.silent, len(self.sessions))
        # One that is retired has traded until then, and not since.
        gone = self.retired & (self.last_bar < len(self.sessions) - 1)
        return recent & ~gone


def universe_returns(
    history: UniverseHistory, ended_return: float = 0.0, among: BoolArray | None = None
) -> FloatArray:
    """Return of the members in equal parts in each session, NaN where there is none; 0 at first.

    Parameters
    ----------
    ended_return : return of a security that ended, in the session after its last bar
    among : (N,) the securities that count; None: all
    """
    returns = history.returns.copy()
    last, columns = history.last_bar, np.arange(len(history.security_ids))
    ended = ~history.survives & (last >= 0) & (last + 1 < len(history.sessions))
    returns[last[ended] + 1, columns[ended]] = ended_return
    held = np.zeros(returns.shape, dtype=bool)
    held[1:] = history.member[:-1] & np.isfinite(returns[1:])
    if among is not None:
        held &= among
    count = held.sum(axis=1)
    total = np.where(held, returns, 0.0).sum(axis=1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    means[:1] = 0.0
    return np.asarray(means)


def measure(
    history: UniverseHistory,
    portfolio: Mapping[str, float] | None = None,
    notes: tuple[str, ...] = (),
) -> Survivorship:
    """Measure what ended in a universe, and what the results are under each scenario.

    Parameters
    ----------
    history : the universe
    portfolio : scenario → total return of a portfolio; see `portfolio_scenarios`
    """
    member = np.asarray(history.member.any(axis=0), dtype=bool)
    survives = history.survives
    last, count = history.last_bar, len(history.sessions)
    ended = np.flatnonzero(member & ~survives & (last >= 0))
    traded = history.traded
    priced, first = np.asarray(traded[-1], dtype=bool), np.asarray(history.member[0], dtype=bool)
    endings = pd.DataFrame(
        {
            "security_id": pd.array([history.security_ids[each] for each in ended], dtype="str"),
            "first_session": history.sessions[traded[:, ended].argmax(axis=0)].astype(
                "datetime64[s]"
            ),
            "last_session": history.sessions[last[ended]].astype("datetime64[s]"),
            "last_price": history.close[last[ended], ended],
            "retired": history.retired[ended],
        }
    ).sort_values("last_session", kind="stable", ignore_index=True)
    of_universe = {AS_IS: _total(universe_returns(history))}
    for each in SCENARIOS:
        of_universe[scenario_name(each)] = _total(universe_returns(history, each))
    of_universe[SURVIVORS] = _total(universe_returns(history, among=survives))
    rows = [*_rows(UNIVERSE, of_universe, count), *_rows(PORTFOLIO, portfolio or {}, count)]
    return Survivorship(
        history.sessions[0],
        history.sessions[-1],
        int(member.sum()),
        len(ended),
        _share(member & ~priced, member),
        int(first.sum()),
        _share(first & ~priced, first),
        endings,
        pd.DataFrame(rows, columns=list(RESULT_COLUMNS)),
        notes,
    )


def portfolio_scenarios(
    total_return: float, closed: pd.DataFrame, survivors: float | None = None
) -> dict[str, float]:
    """Return the total return of a portfolio under each scenario.

    Parameters
    ----------
    total_return : as it was simulated
    closed : closed positions with the equity at that close, as `endings.total_return_under` has it
    survivors : total return over survivors alone; None: it was not run
    """
    found = {AS_IS: total_return}
    for each in SCENARIOS:
        found[scenario_name(each)] = total_return_under(total_return, closed, each)
    if survivors is not None:
        found[SURVIVORS] = survivors
    return found


def scenario_name(delisting_return: float) -> str:
    """What a scenario is called.

    Examples
    --------
    >>> scenario_name(-0.3)
    'delistings at −30 %'
    """
    return f"delistings at {delisting_return:.0%}".replace("-", "−").replace("%", " %")


def scenario_names() -> tuple[str, ...]:
    """Return what the scenarios are called, in their order."""
    return tuple(map(scenario_name, SCENARIOS))


def _rows(
    of: str, totals: Mapping[str, float], sessions: int
) -> list[tuple[str, str, float, float, float]]:
    """Rows of one portfolio: totals, by year, and how far from what it was."""
    years = sessions / SESSIONS_PER_YEAR
    rows = []
    for scenario, total in totals.items():
        growth = 1.0 + total
        yearly = growth ** (1.0 / years) - 1.0 if years > 0.0 and growth >= 0.0 else math.nan
        rows.append((of, scenario, total, yearly, total - totals[AS_IS]))
    return rows


def _total(returns: FloatArray) -> float:
    """Compounded return; NaN where no session has one."""
    known = np.isfinite(returns[1:])
    return float(np.prod(1.0 + returns[1:][known]) - 1.0) if known.any() else math.nan


def _share(of: BoolArray, all_: BoolArray) -> float:
    count = int(all_.sum())
    return int((of & all_).sum()) / count if count else math.nan
