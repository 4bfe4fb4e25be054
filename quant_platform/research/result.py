"""`BacktestResult`: the frames that a backtest returns.

What belongs here: the frames and what is read from them. What does not belong here: how they are
computed (`backtest.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """Signals, portfolio and performance of one strategy, session by session.

    The columns are those of the tables of the same meaning, without `model_id` and the clock.

    Attributes
    ----------
    signals : pd.DataFrame
        As the table `signals`: one row per session and member, ordered by date and symbol. Weights
        are fractions of the equity, prices are raw, in currency per share.
    portfolios : pd.DataFrame
        As the table `portfolios`: one row per session, ordered by date. Amounts are in currency,
        returns and exposures are fractions.
    performance : pd.DataFrame
        As the table `model_performance`: one row per session and full window (21, 63 and 252
        sessions, and since the first session), ordered by date and length of the window. Returns
        are fractions; `docs/conventions.md` defines every figure. The column `benchmark` says what
        alpha and beta refer to.
    closed_positions : pd.DataFrame
        As the table of that name: one row per position whose security stopped trading.
    positions, fills : pd.DataFrame
        As the tables of these names: one row per session and security held or waited for, and one
        per trade. They name securities by their `security_id`.

    Examples
    --------
    On the sample market, after `quant-platform demo`:

    >>> import quant_platform as qp
    >>> result = qp.open().backtest("buy_and_hold", "2008-01-02", "2008-01-31")
    >>> len(result.signals), len(result.portfolios)
    (84, 21)
    """

    signals: "pd.DataFrame"
    portfolios: "pd.DataFrame"
    performance: "pd.DataFrame"
    closed_positions: "pd.DataFrame"
    positions: "pd.DataFrame"
    fills: "pd.DataFrame"
