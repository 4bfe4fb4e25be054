"""What a backtest is judged against: a model, a security, or any series of returns.

What does not belong here: figures against it (`evaluation/`).
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.market.total_return import total_returns
from quant_platform.research.reader import TableReader
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.benchmarks import SYMBOL, is_symbol
from quant_platform.strategies.strategy_registry import strategy as strategy_of

Benchmark = str | Strategy | pd.Series


def benchmark_model(
    benchmark: Benchmark, named: Callable[[str], Strategy] = strategy_of
) -> Strategy | None:
    """Return the strategy that a benchmark is; None where it is none.

    Raises
    ------
    UnknownNameError
        There is no such strategy.
    SettingsError
        The benchmark is neither a model, nor a security or series.
    """
    if isinstance(benchmark, Strategy):
        return benchmark
    if isinstance(benchmark, str):
        return None if is_symbol(benchmark) else named(benchmark)
    if isinstance(benchmark, pd.Series):
        return None
    raise SettingsError(
        f"The benchmark is {benchmark!r}",
        f"Pass a model, its name, '{SYMBOL}TICKER', or a series of returns by session",
    )


def benchmark_returns(
    reader: TableReader,
    benchmark: str | pd.Series,
    sessions: Sequence[str],
    market: Panel | None = None,
) -> pd.Series:
    """Return the benchmark's returns by session, as fractions; NaN where it has none.

    A security's are total returns from close to close, (close + dividend) × split over the close
    before, NaN where either has no bar; 0 in the first session, as a portfolio's own first row. Its
    name says what it is.

    Parameters
    ----------
    market : bars and actions that end with the sessions; a security that is not among them is read

    Raises
    ------
    UnknownNameError
        No bar of the last session has that ticker.
    SettingsError
        The series has two returns of a session, or none of all these.
    """
    days = pd.DatetimeIndex(list(sessions)).as_unit("s")
    if isinstance(benchmark, str):
        return _of_security(reader, benchmark, sessions, market).set_axis(days)
    name = "series" if benchmark.name is None else str(benchmark.name)
    given = benchmark.set_axis(pd.DatetimeIndex(benchmark.index).normalize().as_unit("s"))
    if not is_numeric_dtype(given.dtype):
        raise SettingsError(
            f"The returns of the benchmark {name!r} are no numbers", "Give fractions, such as 0.01"
        )
    if given.index.has_duplicates or not given.index.isin(days).any():
        raise SettingsError(
            f"The benchmark {name!r} has no return, or several, for a session of the backtest",
            "Pass one return a session, indexed by date",
        )
    return given.astype(np.float64).reindex(days).rename(name)


def _of_security(
    reader: TableReader, benchmark: str, sessions: Sequence[str], market: Panel | None
) -> pd.Series:
    ticker, last = benchmark.removeprefix(SYMBOL), sessions[-1]
    named = reader.rows("market_data", (last, last), ["security_id"], among={"symbol": [ticker]})[
        "security_id"
    ]
    if named.empty:
        raise UnknownNameError(
            f"There is no bar of {ticker!r}, the benchmark, in {last}",
            "Choose a ticker that is stored for the backtest's last session",
        )
    security = str(named.iloc[0])
    if market is not None and security in market.security_ids:
        at = market.security_ids.index(security)
        panel = market.cut(len(market.sessions) - len(sessions), columns=slice(at, at + 1))
    else:
        one, span = {"security_id": [security]}, (sessions[0], last)
        columns = ("date", "security_id", *BAR_COLUMNS.values())
        panel = Panel.from_frames(
            reader.rows("market_data", span, columns, among=one),
            reader.rows("corporate_actions", span, among=one),
            sessions,
        )
    return pd.Series(total_returns(panel)[:, 0], name=benchmark)
