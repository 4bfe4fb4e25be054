"""Why a portfolio did better or worse than its benchmark: Brinson and Fachler, by group.

Of each session and group, with the weights w at its start and the returns r of what was held then,
of the portfolio (p) and the benchmark (b), and the benchmark's return B:

    allocation  = (w_p − w_b) · (r_b − B)
    selection   = w_b · (r_p − r_b)
    interaction = (w_p − w_b) · (r_p − r_b)

Sources: G. Brinson and N. Fachler, "Measuring Non-US Equity Portfolio Performance", *Journal of
Portfolio Management* 11(3), 1985; C. Bacon, *Practical Portfolio Performance Measurement and
Attribution*, 2nd ed., Wiley 2008, ch. 5. Cash is a group, so that weights add up to 1.

The three explain what was held. What is left of the two returns is stated by group beside them, as
differences between portfolio and benchmark: `trading`, what the session's own trades gained up to
the close, and `costs`, with borrow fees. All five add up to the active return of the session, and
linked (`linking.py`) to that of all sessions.

A group that the benchmark does not hold has the portfolio's return as r_b: no selection, all of it
is allocation. One that the portfolio does not hold has the benchmark's as r_p. Where long and short
positions of a group cancel out, there is no return of a net weight of nothing: selection is what
they gained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_platform.evaluation.attribution.account import UNCLASSIFIED, Account
from quant_platform.evaluation.attribution.gains import gains_of
from quant_platform.evaluation.attribution.linking import compounded, weights_of_sessions
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.trading.attribution import CASH_LINE

EFFECTS = ("allocation", "selection", "interaction", "trading", "costs")

LEAST_WEIGHT = 1e-3
"""Net weight below which a group has no return of its own: 0.1 %."""


def brinson_fachler(
    weights: FloatArray, gains: FloatArray, of_benchmark: FloatArray, its_gains: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return allocation, selection and interaction; all arrays have the shape (..., groups).

    Parameters
    ----------
    weights, of_benchmark : at the start of the period; each adds up to 1 over the groups
    gains, its_gains : what each group added to the return: weight × return where it has a weight

    Examples
    --------
    Bacon (2008), table 5.3: UK, Japanese and US equities.

    >>> weights, benchmark = np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.2, 0.4])
    >>> effects = brinson_fachler(
    ...     weights, weights * [0.20, -0.05, 0.06], benchmark, benchmark * [0.10, -0.04, 0.08])
    >>> [[round(float(value), 6) + 0.0 for value in effect] for effect in effects]
    [[0.0, -0.0104, -0.0016], [0.04, -0.002, -0.008], [0.0, -0.001, 0.002]]
    """
    has, its = np.abs(weights) >= LEAST_WEIGHT, np.abs(of_benchmark) >= LEAST_WEIGHT
    own = np.where(has, gains / np.where(has, weights, 1.0), 0.0)
    benchmarks = np.where(
        its, its_gains / np.where(its, of_benchmark, 1.0), np.where(has, own, 0.0)
    )
    own = np.where(has, own, benchmarks)
    total = its_gains.sum(axis=-1, keepdims=True)
    active, better = weights - of_benchmark, own - benchmarks
    allocation = active * (benchmarks - total)
    selection, interaction = of_benchmark * better, active * better
    # What a weight of nothing gained has no return that could be compared.
    rest = np.where(has, 0.0, gains - weights * own)
    its_rest = np.where(its, 0.0, its_gains - of_benchmark * benchmarks)
    return allocation, selection + rest - its_rest, interaction


@dataclass(frozen=True)
class Side:
    """A portfolio or a benchmark by session and group, as shares of the equity before: (T, G).

    Attributes
    ----------
    weights : at the start of each session; they add up to 1
    gains : what the positions of the session before and the cash added to the return
    trading, costs : what the session's trades added, and what they and borrowed shares cost
    returns : (T,) NaN where the equity before was not positive
    """

    weights: FloatArray
    gains: FloatArray
    trading: FloatArray
    costs: FloatArray
    returns: FloatArray


def side_of(account: Account, names: Sequence[str]) -> Side:
    """Sum up an account by group; the last two of `names` are unclassified and cash."""
    count, width = len(account.sessions), len(names)
    lines = gains_of(account)
    number = {name: at for at, name in enumerate(names)}
    codes = np.full(len(lines.session), width - 2)
    if account.groups is not None:
        of_name = np.array([*(number[name] for name in account.group_names), width - 2])
        codes = of_name[account.groups[lines.session, lines.column]]
    cell = lines.session * width + codes
    known = account.before > 0.0
    scale = np.where(known, 1.0 / np.where(known, account.before, 1.0), np.nan)[:, None]

    def of(*parts: str) -> FloatArray:
        amounts = sum((lines.amounts[part] for part in parts), np.zeros(len(cell)))
        sums = np.bincount(cell, weights=amounts, minlength=count * width)
        # Without a cell there is nothing but whole numbers.
        return np.asarray(sums.reshape(count, width), dtype=np.float64)

    weights, costs = of("value_before"), of("commission", "tax", "spread", "impact", "borrow_fees")
    weights[:, -1] = account.before - weights.sum(axis=1)
    gains = of("holding", "ending", "dividends")
    gains[:, -1] = np.asarray(account.portfolios["interest"], dtype=np.float64)
    fees = np.asarray(account.portfolios["borrow_fees"], dtype=np.float64)
    costs[:, -1] += np.where(of("borrow_fees").sum(axis=1) == 0.0, fees, 0.0)
    sums = (weights, gains, of("trading"), -costs)
    weights, gains, trading, costs = (each * scale for each in sums)
    returns = gains.sum(axis=1) + trading.sum(axis=1) + costs.sum(axis=1)
    return Side(weights, gains, trading, costs, returns)


def side_of_one(returns: FloatArray, group: str, names: Sequence[str]) -> Side:
    """Return a benchmark that is one security, held throughout and without costs."""
    shape = (len(returns), len(names))
    weights, nothing = np.zeros(shape), np.zeros(shape)
    weights[:, list(names).index(group)] = 1.0
    return Side(weights, weights * returns[:, None], nothing, nothing, returns)


@dataclass(frozen=True)
class ActiveReturn:
    """A return against a benchmark, and what it comes from.

    Attributes
    ----------
    linked : by group, and `total`: mean weights, `EFFECTS` linked over all sessions, and their sum
    sessions : by date: `EFFECTS` summed over the groups, both returns
    portfolio_return, benchmark_return : compounded over the sessions that both have
    notes : what was left out, and why
    """

    linked: pd.DataFrame
    sessions: pd.DataFrame
    portfolio_return: float
    benchmark_return: float
    notes: tuple[str, ...] = ()

    @property
    def active_return(self) -> float:
        """Return of the portfolio less that of the benchmark."""
        return self.portfolio_return - self.benchmark_return


def active_return(
    portfolio: Side, benchmark: Side, days: SessionArray, names: Sequence[str]
) -> ActiveReturn:
    """Explain an active return by group, linked over the sessions in which both have a return.

    Parameters
    ----------
    portfolio, benchmark : of the same sessions and groups
    days : (T,) the sessions
    names : of the groups

    Returns
    -------
    ActiveReturn
        The effects are null where either lost everything, since nothing can be linked over that.
    """
    notes = []
    both = np.isfinite(portfolio.returns) & np.isfinite(benchmark.returns)
    missing = int((~both).sum())
    if missing:
        notes.append(
            f"{missing} of {len(both)} sessions are left out: portfolio or benchmark has no return"
        )
    returns, others = portfolio.returns[both], benchmark.returns[both]
    one, other = (
        [getattr(side, name)[both] for name in ("weights", "gains", "trading", "costs")]
        for side in (portfolio, benchmark)
    )
    parts = [
        *brinson_fachler(one[0], one[1], other[0], other[1]),
        one[2] - other[2],
        one[3] - other[3],
    ]
    each = weights_of_sessions(returns, others)
    if len(each) and not np.isfinite(each).all():
        notes.append("A return of −100 % cannot be linked with others: the effects are null")
    linked = pd.DataFrame(
        {
            "portfolio_weight": one[0].mean(axis=0) if len(returns) else np.nan,
            "benchmark_weight": other[0].mean(axis=0) if len(returns) else np.nan,
            **{name: each @ part for name, part in zip(EFFECTS, parts, strict=True)},
        },
        index=pd.Index(list(names), name="group"),
    )
    used = (linked.drop(columns=["portfolio_weight", "benchmark_weight"]) != 0.0).any(axis=1)
    used |= (linked[["portfolio_weight", "benchmark_weight"]] != 0.0).any(axis=1)
    linked = linked[used]
    linked.loc["total"] = linked.sum(skipna=False)
    linked["total"] = linked[list(EFFECTS)].sum(axis=1, skipna=False)
    sessions = pd.DataFrame(
        {
            **{name: part.sum(axis=1) for name, part in zip(EFFECTS, parts, strict=True)},
            "portfolio_return": returns,
            "benchmark_return": others,
        },
        index=pd.DatetimeIndex(days[both].astype("datetime64[s]"), name="date"),
    )
    return ActiveReturn(linked, sessions, compounded(returns), compounded(others), tuple(notes))


def group_names(*accounts: Account) -> tuple[str, ...]:
    """Return the names of the groups of several accounts, with unclassified and cash at the end."""
    named = sorted({name for account in accounts for name in account.group_names})
    reserved = {UNCLASSIFIED, CASH_LINE}
    return (*(name for name in named if name not in reserved), UNCLASSIFIED, CASH_LINE)
