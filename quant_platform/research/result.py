"""`Backtest`: what a backtest returns, as frames, figures and a picture.

What belongs here: the result and what is read from it. What does not belong here: how it is
computed (`backtest.py`), and how a picture is drawn (`reports/`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

from quant_platform.research.explained import Explained

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from quant_platform.research.rerun import Rerun
    from quant_platform.storage.trials import Counted, Outcome, TrialRun
    from quant_platform.trading.book import BookSimulation
    from quant_platform.trading.costs import Costs
    from quant_platform.trading.simulation import Simulation

SHOWN = (
    *("total_return", "annualized_return", "excess_return", "annualized_volatility"),
    *("sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95", "sortino_ratio", "calmar_ratio"),
    *("max_drawdown", "win_rate", "turnover", "trade_count", "alpha", "beta"),
)
"""Figures that a notebook shows."""

INCEPTION = "inception"


@dataclass(frozen=True, eq=False)
class Backtest(Explained):
    """A strategy over stored sessions: its signals, portfolio, trades and figures.

    Frames have the columns of the tables of the same meaning, without `model_id` and the clock.

    Attributes
    ----------
    name : of the strategy
    make_signals : Callable[[], pd.DataFrame]
        Makes `signals`, which nothing else needs.
    simulation : Simulation
        What the engine gives.
    performance : pd.DataFrame
        As the table `model_performance`: one row per session and full window (21, 63 and 252
        sessions, and since the first session), ordered by date and length of the window. Returns
        are fractions; `docs/conventions.md` defines every figure. The column `benchmark` says what
        alpha and beta refer to.
    benchmark_returns : pd.Series
        Session returns of what it is judged against, by date; its name is the benchmark's.
    tickers : Mapping[str, str]
        Security → its last ticker in the sessions.
    assumed : Costs
        What was assumed of trading.
    again : Callable[[Costs], pd.DataFrame]
        Rows of `portfolios` of the same strategy under other assumptions.
    rates : pd.Series
        Annual risk-free rate in each session, as a fraction.
    parts : BookSimulation | None
        Of a book: what its members hold, gained and cost.
    counted : Counted | None
        How many trials its study has with it; one that is not in the ledger can enter no ranking.
        None: it was made without a store.
    rerun : Rerun | None
        The market and models, for what explains the result (`explained.py`).
    run : TrialRun | None
        The configuration, and the versions of code and data that it was run by. None: as `counted`.
    source : str
        Text of the strategy, and of features, as far as they are no files of the package.

    Examples
    --------
    On the sample market, after `quant-platform demo`:

    >>> import quant_platform as qp
    >>> result = qp.open().backtest("buy_and_hold", "2008-01-02", "2008-01-31")
    >>> len(result.signals), len(result.portfolios)
    (84, 21)
    """

    name: str
    make_signals: "Callable[[], pd.DataFrame]"
    simulation: "Simulation"
    performance: "pd.DataFrame"
    benchmark_returns: "pd.Series[float]"
    tickers: Mapping[str, str]
    assumed: "Costs"
    again: "Callable[[Costs], pd.DataFrame]"
    rates: "pd.Series[float]"
    parts: "BookSimulation | None" = None
    counted: "Counted | None" = None
    rerun: "Rerun | None" = None
    run: "TrialRun | None" = None
    source: str = ""

    @cached_property
    def signals(self) -> "pd.DataFrame":
        """As the table `signals`: one row per session and member, ordered by date and symbol.

        Weights are fractions of the equity, prices are raw, in currency per share.
        """
        return self.make_signals()

    @property
    def portfolios(self) -> "pd.DataFrame":
        """As the table `portfolios`: one row per session; amounts in currency."""
        return self.simulation.portfolios

    @property
    def positions(self) -> "pd.DataFrame":
        """As the table `positions`: one row per session and security held or waited for."""
        return self.simulation.positions

    @property
    def fills(self) -> "pd.DataFrame":
        """As the table `fills`: one row per trade, with its cost by cause."""
        return self.simulation.fills

    @property
    def closed_positions(self) -> "pd.DataFrame":
        """As the table of that name: one row per position whose security stopped trading."""
        return self.simulation.closed

    @property
    def member_attribution(self) -> "pd.DataFrame":
        """As the table `book_attribution`: gains and costs of a book by session and member.

        They add up to the change of the book's equity. A strategy that is no book has no row.
        """
        import pandas as pd

        from quant_platform.trading.attribution import ATTRIBUTION_COLUMNS

        if self.parts is None:
            return pd.DataFrame(columns=list(ATTRIBUTION_COLUMNS))
        return self.parts.attribution

    @property
    def member_holdings(self) -> "pd.DataFrame":
        """As the table `book_holdings`: what each member of a book holds of it and wants."""
        import pandas as pd

        from quant_platform.trading.attribution import HOLDING_COLUMNS

        if self.parts is None:
            return pd.DataFrame(columns=list(HOLDING_COLUMNS))
        return self.parts.holdings

    @cached_property
    def returns(self) -> "pd.Series[float]":
        """Session returns of the equity, as fractions, by date."""
        return self.portfolios.set_index("date")["daily_return"]

    @cached_property
    def equity(self) -> "pd.Series[float]":
        """Equity at the closes, in currency, by date."""
        return self.portfolios.set_index("date")["equity"]

    @cached_property
    def weights(self) -> "pd.DataFrame":
        """Value of each holding over the equity, dates × tickers; 0 where nothing is held."""
        held = self.positions.set_index(["date", "security_id"])["weight"].unstack()  # noqa: PD010
        dates = self.portfolios["date"]
        wide = held.reindex(index=dates).fillna(0.0).rename(columns=self.tickers)
        return wide.rename_axis(columns="symbol").sort_index(axis=1)

    @cached_property
    def metrics(self) -> "pd.Series[float]":
        """The figures of all sessions, with the Sharpe ratio's interval."""
        import pandas as pd

        rows = self.performance[self.performance["window_name"] == INCEPTION]
        if rows.empty:
            return pd.Series(dtype="float64", name=self.name)
        figures = rows.iloc[-1].drop(["date", "window_name", "window_sessions", "benchmark"])
        return figures.astype("float64").rename(self.name)

    @cached_property
    def costs(self) -> "pd.DataFrame":
        """What trading cost in each session, by cause, in currency.

        `delay` is what prices did between decision and trade; it is no charge of the account's.
        """
        causes = ["commission", "tax", "spread", "impact", "delay"]
        dates = self.portfolios["date"]
        charged = self.fills.groupby("date")[causes].sum().reindex(dates).fillna(0.0)
        financing = self.portfolios.set_index("date")[["interest", "borrow_fees"]]
        return charged.join(financing)

    def rolling(self, metric: str, sessions: int = 252) -> "pd.Series[float]":
        """One figure over the last so many sessions, at every session; NaN before it is full.

        Raises
        ------
        UnknownNameError
            There is no such figure.
        SettingsError
            `sessions` is no whole number above 0.
        """
        import numpy as np
        import pandas as pd

        from quant_platform.errors import SettingsError, UnknownNameError
        from quant_platform.evaluation.metrics import METRICS
        from quant_platform.evaluation.performance import rolling_metric

        if not isinstance(metric, str) or metric not in METRICS:
            raise UnknownNameError(
                f"There is no figure {metric!r}", f"Choose from: {', '.join(METRICS)}"
            )
        if isinstance(sessions, bool) or not isinstance(sessions, int) or sessions < 1:
            raise SettingsError(f"sessions is {sessions!r}", "Allowed: a whole number, ≥ 1")
        returns = np.asarray(self.returns, dtype=np.float64)
        values = rolling_metric(returns, metric, sessions)
        return pd.Series(values, index=self.returns.index, name=metric)

    def intervals(self, names: "Sequence[str] | None" = None) -> "pd.DataFrame":
        """Figures of all sessions with their 95 % intervals by the stationary block bootstrap.

        Parameters
        ----------
        names : figures; default: those of `shown` that a bootstrap has anything to say of

        Returns
        -------
        pd.DataFrame
            A row per figure: `estimate`, `lower`, `upper`; NaN where undefined, and the ends below
            21 sessions (`evaluation/bootstrap.py` says how, and what it does not hold for).

        Raises
        ------
        UnknownNameError
            There is no such figure.

        Examples
        --------
        >>> import quant_platform as qp
        >>> result = qp.open().backtest("buy_and_hold", "2008-01-02", "2008-12-31")
        >>> table = result.intervals(["sharpe_ratio", "max_drawdown"])
        >>> table.columns.tolist(), bool((table["lower"] <= table["upper"]).all())
        (['estimate', 'lower', 'upper'], True)
        """
        from quant_platform.errors import UnknownNameError
        from quant_platform.evaluation.metrics import METRICS
        from quant_platform.evaluation.performance import performance_intervals

        ends = ("sharpe_lower_95", "sharpe_upper_95")  # of another interval of the same figure
        wanted = [each for each in SHOWN if each not in ends] if names is None else list(names)
        unknown = [name for name in wanted if name not in METRICS]
        if unknown:
            raise UnknownNameError(
                f"There is no figure {unknown[0]!r}", f"There are: {', '.join(METRICS)}"
            )
        found = performance_intervals(
            self.portfolios.assign(model_id=0),
            self.benchmark_returns,
            window=INCEPTION,
            risk_free=self.rates,
            metrics={name: METRICS[name] for name in wanted},
        )
        return found.droplevel("model_id")

    def plot(self) -> "go.Figure":
        """Draw equity, benchmark and drawdown."""
        from quant_platform.reports.backtest_page import backtest_figure

        return backtest_figure(self.name, self.equity, self.returns, self.benchmark_returns)

    @overload
    def to_html(self, path: None = None, for_: str = "researcher") -> str: ...

    @overload
    def to_html(self, path: str | Path, for_: str = "researcher") -> Path: ...

    def to_html(self, path: str | Path | None = None, for_: str = "researcher") -> str | Path:
        """Make the page of the platform's reports for this backtest, as one file.

        Parameters
        ----------
        path : file to write; None: the page is returned as text
        for_ : who it is switched to at first: manager, researcher or risk

        Raises
        ------
        UnknownNameError
            There is no such reader.
        ValueError
            The backtest has no session.
        """
        from quant_platform.reports.backtest_report import OWN, BacktestFrames, backtest_data
        from quant_platform.reports.html import render_report
        from quant_platform.storage.files import replace_file

        given = BacktestFrames(
            name=self.name,
            portfolios=self.portfolios,
            positions=self.positions,
            fills=self.fills,
            closed=self.closed_positions,
            performance=self.performance,
            benchmark=self.benchmark_returns,
            members=self.member_attribution,
            tickers=self.tickers,
            assumed=str(self.assumed),
            warning=self.warning,
            explained=self._page_frames(OWN),
        )
        page = render_report(backtest_data(given), reader=for_)
        if path is None:
            return page
        replace_file(Path(path), page.encode())
        return Path(path)

    def save_card(self, path: str | Path) -> Path:
        """Write all of it to one file that another machine verifies; return its path.

        `quant-platform runcard --verify FILE` does, without a database (`run_card.py`).

        Raises
        ------
        SettingsError
            It was made without a store, so that nobody knows what it was made of, or there is no
            such folder.
        """
        from quant_platform.research.run_card import CARD_TABLES, write_card

        return write_card(
            Path(path),
            self.run,
            self.outcome,
            {name: getattr(self, name) for name in CARD_TABLES},
            self.benchmark_returns,
            self.rates,
            self.tickers,
            source=self.source,
            study="" if self.counted is None else self.counted.study,
        )

    def implementation_risk(self) -> "pd.DataFrame":
        """Run every set of assumptions, and say which one moves the total return how far."""
        from quant_platform.trading.implementation_risk import implementation_risk

        return implementation_risk(self.again, self.assumed)

    @property
    def outcome(self) -> "Outcome":
        """What the ledger keeps of it: returns in single precision, and figures."""
        import numpy as np

        from quant_platform.storage.trials import METRIC_COLUMNS, Outcome

        metrics = {name: float(self.metrics.get(name, np.nan)) for name in METRIC_COLUMNS}
        return Outcome(metrics, self.returns.to_numpy(np.float32))

    @cached_property
    def shown(self) -> "pd.Series[float]":
        """The figures that a notebook and a page show."""
        return self.metrics.reindex([name for name in SHOWN if name in self.metrics.index])

    @property
    def warning(self) -> str:
        """That it could not be counted, or that its study is exploratory; else empty."""
        return "" if self.counted is None else self.counted.warning

    def __repr__(self) -> str:
        """The figures of a few lines."""
        days = self.portfolios["date"]
        span = f"{days.iloc[0]:%Y-%m-%d} to {days.iloc[-1]:%Y-%m-%d}" if len(days) else "no session"
        against = self.benchmark_returns.name
        lines = [f"Backtest of {self.name}, {span}, against {against}"]
        lines += [f"  {name:24} {value:12.4f}" for name, value in self.shown.items()]
        lines += [self.warning] if self.warning else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Draw itself in a notebook."""
        from quant_platform.reports.backtest_page import backtest_fragment

        return backtest_fragment(
            self.name,
            self.shown,
            self.returns,
            self.benchmark_returns,
            str(self.assumed),
            self.warning,
        )
