"""`Explained`: where a backtest's result came from, and what it owes to survivors.

What belongs here: what a user calls on a result. What does not: the maths (`evaluation/`), and what
is run anew for it (`rerun.py`). Nothing of it counts as a trial: it is about a result that did.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from quant_platform.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from quant_platform.evaluation.attribution.account import Account
    from quant_platform.evaluation.attribution.brinson import ActiveReturn
    from quant_platform.evaluation.attribution.factors import FactorAttribution
    from quant_platform.evaluation.survivorship import Survivorship
    from quant_platform.research.rerun import Rerun
    from quant_platform.trading.book import BookSimulation
    from quant_platform.trading.simulation import Simulation


class Explained:
    """What explains a `Backtest`, which alone has it among its bases."""

    if TYPE_CHECKING:
        # Fields of the result, which knows this class and not the other way round.
        @property
        def name(self) -> str:
            """Of the strategy."""
            ...

        @property
        def simulation(self) -> "Simulation":
            """What the engine gives."""
            ...

        @property
        def parts(self) -> "BookSimulation | None":
            """What the members of a book gained and cost."""
            ...

        @property
        def rerun(self) -> "Rerun | None":
            """Market and models."""
            ...

        @property
        def benchmark_returns(self) -> "pd.Series[float]":
            """Of what it is judged against."""
            ...

        @property
        def tickers(self) -> "Mapping[str, str]":
            """Security → what it is called."""
            ...

    def attribution(self, by: str = "security") -> "pd.DataFrame":
        """Attribute the P&L: `pnl` adds up to the change of the equity, in currency.

        Parameters
        ----------
        by : security, sector, cost (what each gain and cost amounts to), model (a book's members),
            fill (what each settled, first in, first out) or position (from flat to flat)

        Returns
        -------
        DataFrame
            One row each, and one of the cash: interest, which belongs to none of them. A security
            of which no sector is stored is unclassified.

        Raises
        ------
        UnknownNameError
            P&L cannot be attributed to that.

        Examples
        --------
        >>> import quant_platform as qp
        >>> result = qp.open().backtest("buy_and_hold", "2008-01-02", "2008-01-31")
        >>> rows = result.attribution("security")
        >>> bool(abs(rows["pnl"].sum() - (result.equity.iloc[-1] - 1_000_000.0)) < 1e-4)
        True
        """
        from quant_platform.evaluation.attribution import totals, trips

        if by not in totals.KINDS:
            raise UnknownNameError(
                f"P&L cannot be attributed to {by!r}", f"Choose from: {', '.join(totals.KINDS)}"
            )
        if by == totals.FILL:
            return trips.by_fill(self.round_trips, self._lines, self._account)
        if by == totals.POSITION:
            return trips.by_position(self.round_trips, self._lines)
        if by == totals.MODEL:
            if self.parts is not None:
                return totals.by_member(self.parts.attribution)
            return totals.by_model(self._lines, self.name)
        of = {
            totals.SECURITY: totals.by_security,
            totals.SECTOR: totals.by_sector,
            totals.COST: totals.by_cause,
        }
        return of[by](self._lines)

    @cached_property
    def round_trips(self) -> "pd.DataFrame":
        """Round trips, first in, first out: `evaluation/attribution/trips.py` has the columns."""
        from quant_platform.evaluation.attribution.trips import round_trips

        return round_trips(self._account)

    @cached_property
    def trades(self) -> "pd.Series[float]":
        """What the closed round trips were like: how many, how long, how good."""
        from quant_platform.evaluation.attribution.trips import trade_figures

        return trade_figures(self.round_trips)

    def active_return(self, by: str | None = None) -> "ActiveReturn":
        """Explain the return against the benchmark by group: Brinson and Fachler, linked.

        Parameters
        ----------
        by : sector, or size (thirds of the universe by value traded); default: sector where
            sectors are stored

        Raises
        ------
        UnknownNameError
            Securities are not grouped by that.
        SettingsError
            The benchmark is a series of returns, of which no composition is known.
        """
        from quant_platform.evaluation.attribution.brinson import (
            active_return,
            group_names,
            side_of,
        )
        from quant_platform.research.rerun import SECTOR, SIZE

        rerun = self._market
        kind = by or (SECTOR if rerun.has_sectors else SIZE)
        if kind not in (SECTOR, SIZE):
            raise UnknownNameError(
                f"Securities are not grouped by {kind!r}", f"Choose from: {SECTOR}, {SIZE}"
            )
        rival = rerun.benchmark()
        if rival is None:
            raise SettingsError(
                f"Nothing is known of what the benchmark {self.benchmark_returns.name} holds",
                "Pass a model as benchmark, such as benchmark='equal_weight'",
            )
        account, other = rerun.account(self.simulation, kind), rerun.account(rival, kind)
        names = group_names(account, other)
        return active_return(
            side_of(account, names), side_of(other, names), account.sessions, names
        )

    def factor_attribution(
        self,
        exposures: "pd.DataFrame",
        factor_returns: "pd.DataFrame",
        errors: "pd.DataFrame | None" = None,
    ) -> "FactorAttribution":
        """Attribute the return to factors, realised and expected, with standard errors.

        Parameters
        ----------
        exposures : index (date, security_id), a column per factor: known after the close of `date`,
            and in force in the session after it
        factor_returns, errors : sessions × factors: returns, and their standard errors

        Raises
        ------
        ContractError
            There is no session with factor returns.
        """
        import pandas as pd

        from quant_platform.evaluation.attribution.factors import factor_attribution
        from quant_platform.research.rerun import held_returns

        account = self._account
        weights, returns = held_returns(account)
        days = weights.index
        at = days.get_indexer(pd.DatetimeIndex(exposures.index.get_level_values(0)))
        later = (at >= 0) & (at + 1 < len(days))
        known = exposures[later]
        in_force = pd.MultiIndex.from_arrays(
            [days[at[later] + 1], known.index.get_level_values(1)], names=["date", "security_id"]
        )
        own = pd.Series(account.returns, index=days)
        return factor_attribution(
            weights, returns, known.set_axis(in_force), factor_returns, errors=errors, own=own
        )

    def survivorship(self, *, rerun: bool = False) -> "Survivorship":
        """Measure what securities that ended did to the result.

        Parameters
        ----------
        rerun : run the strategy once more where survivors alone may be members. Features stay what
            they were. It counts as no trial.
        """
        from quant_platform.evaluation.survivorship import measure, portfolio_scenarios

        again = self._market
        history, rows = again.history, self.simulation.portfolios
        closed = self.simulation.closed.merge(rows[["date", "equity"]], on="date")
        capital = again.market.assumed.capital
        notes: tuple[str, ...] = ()
        if (closed["equity"] <= 0.0).any():
            notes = ("Positions that were closed without any equity left are not restated",)
            closed = closed[closed["equity"] > 0.0]
        survivors = None
        if rerun:
            equity = again.over(history.survives).portfolios["equity"]
            survivors = float(equity.iloc[-1]) / capital - 1.0
        total = float(rows["equity"].iloc[-1]) / capital - 1.0
        return measure(history, portfolio_scenarios(total, closed, survivors), notes)

    def _page_frames(self, model: int) -> "dict[str, pd.DataFrame]":
        """Frames of `reports/explained.py`, with an id for the strategy; none without a market."""
        from quant_platform.reports.explained import (
            ACTIVE,
            active_frame,
            pnl_frames,
            survivorship_frames,
            trip_frames,
        )

        if self.rerun is None:
            return {}
        sessions = len(self.simulation.sessions)
        frames = pnl_frames(model, self._lines, self.tickers)
        frames |= trip_frames(model, self.round_trips, self.tickers, sessions)
        frames |= survivorship_frames(self.survivorship())
        if self.rerun.rival is not None:
            benchmark = str(self.benchmark_returns.name)
            frames[ACTIVE] = active_frame(model, benchmark, self.active_return())
        return frames

    @cached_property
    def _lines(self) -> "pd.DataFrame":
        from quant_platform.evaluation.attribution.gains import gain_lines

        return gain_lines(self._account)

    @cached_property
    def _account(self) -> "Account":
        return self._market.account(self.simulation)

    @property
    def _market(self) -> "Rerun":
        if self.rerun is None:
            raise SettingsError(
                "This result was made without its market", "Make it with store.backtest"
            )
        return self.rerun
