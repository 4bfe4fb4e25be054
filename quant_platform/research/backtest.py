"""`backtest`: a strategy over stored sessions, in memory, on what is known now or was known then.

The steps are those of the pipeline and give what it stores, bit for bit:

1. Read bars, corporate actions and the universe (and news, where a feature uses them), all of them
   as known at one moment.
2. Compute the features of the universe's members, by security.
3. Run the strategy, and the benchmark, over the features.
4. Simulate both at the next open. They start with their capital in the first session, so that the
   first trades are those of the second one.
5. Compute the figures of every session, against the benchmark.

Nothing is stored, and no model need be registered: a strategy can be tried before it is a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from quant_platform.errors import SessionError, UnknownNameError
from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import YIELD, risk_free_rates
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.database import Database
from quant_platform.storage.known_at import Moment
from quant_platform.storage.schema import read_table
from quant_platform.strategies.base import SIGNAL_COLUMNS, SignalPanel, Strategy
from quant_platform.strategies.strategy_registry import all_strategies
from quant_platform.strategies.strategy_registry import strategy as strategy_of
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import START_CAPITAL, simulate

STRATEGY, BENCHMARK = 0, 1
"""Numbers of the two models while they are computed."""

IDENTITY_COLUMNS = ("date", "symbol", "security_id")

_HOLES = """
SELECT wanted.date::text AS date FROM unnest($1::text::date[]) AS wanted (date)
WHERE NOT EXISTS (SELECT 1 FROM {0} AS t WHERE t.date = wanted.date)
  AND wanted.date > coalesce((SELECT min(date) FROM {0}), '0001-01-01') ORDER BY 1
"""


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """What a backtest found; the columns are those of the tables, without `model_id` and clock.

    Attributes
    ----------
    signals : as the table `signals`, ordered by date and symbol
    portfolios : as the table `portfolios`, one row per session; `positions` and `trades` are JSON
        text and name securities by their `security_id`
    performance : as the table `model_performance`, ordered by date, 21d to inception
    """

    signals: pd.DataFrame
    portfolios: pd.DataFrame
    performance: pd.DataFrame


def backtest(
    database: Database,
    strategy: str | Strategy,
    start: str | date,
    end: str | date,
    *,
    calendar: Calendar = XNYS,
    known_at: Moment | None = None,
    costs: Costs = DEFAULT_COSTS,
    capital: float = START_CAPITAL,
    risk_free: float = 0.0,
) -> BacktestResult:
    """Run a strategy over the stored sessions from `start` to `end`, as far as there are bars.

    Parameters
    ----------
    database : where bars, corporate actions, universe and yields are
    strategy : one by its name, or any `Strategy`, with parameters of its own
    start, end : first and last session; the sessions looked back on lie before `start`
    calendar : sessions of the exchange
    known_at : moment whose rows are used, such as "2024-03-01T22:00Z"; default: what is known now.
        Corrections that came later are not seen, and neither is what was ingested later.
    costs, capital : what trades cost, and the cash to start with
    risk_free : annual rate, as a fraction, in sessions without a known Treasury yield

    Raises
    ------
    UnknownNameError
        There is no such strategy, or no feature that it reads.
    SessionError
        There are no bars in the range, a session of it is missing, or a date or the moment cannot
        be read.
    ContractError
        The strategy returned something that is not a signal.

    Examples
    --------
    On the sample market, after `quant-platform demo`:

    >>> from quant_platform.settings import Settings
    >>> from quant_platform.storage.database import platform_database
    >>> from quant_platform.strategies.library.mean_reversion import MeanReversion
    >>> database = platform_database(Settings.load())
    >>> result = backtest(database, MeanReversion(), "2008-01-02", "2008-12-31")
    >>> float(result.performance["total_return"].iloc[-1].round(6))
    -0.017024
    """
    model = strategy_of(strategy) if isinstance(strategy, str) else strategy
    models = (model, _benchmark())
    known = _Known(database, known_at)
    stored = known.sessions(calendar)
    sessions = list(calendar.range(_text(start), _text(end), stored))
    facts = _facts(known, models, stored, sessions)
    signals = [_signals(each, facts) for each in models]
    portfolios = [
        simulate(facts.panel, _orders(each, facts), costs=costs, capital=capital)
        for each in signals
    ]
    yields = known.rows(
        "treasury_yields", BEGINNING, facts.days[-1], ("date", "observed_on", YIELD)
    )
    performance = performance_rows(
        pd.concat(
            [frame.assign(model_id=number) for number, frame in enumerate(portfolios)],
            ignore_index=True,
        ),
        BENCHMARK,
        facts.days,
        risk_free=risk_free_rates(yields, facts.days, default=risk_free),
    )
    mine = performance[performance["model_id"] == STRATEGY].drop(columns="model_id")
    return BacktestResult(signals[STRATEGY], portfolios[STRATEGY], mine.reset_index(drop=True))


@dataclass(frozen=True)
class _Known:
    """Reads tables as they are known at one moment; None: now."""

    database: Database
    moment: Moment | None

    def rows(
        self,
        table: str,
        first: str,
        last: str,
        columns: Sequence[str] | None = None,
        members: Members | None = None,
    ) -> pd.DataFrame:
        """Rows of `first` to `last`."""
        definition = read_table(self.database, table)
        return bulk.read(
            self.database,
            definition,
            first,
            last,
            columns=columns,
            members=members,
            known_at=self.moment,
        )

    def sessions(self, calendar: Calendar) -> Sequence[date]:
        """Sessions from the first bar to the last one."""
        ends = bulk.query(
            self.database,
            "SELECT min(date)::text AS first, max(date)::text AS last FROM market_data",
            known_at=self.moment,
        ).iloc[0]
        if pd.isna(ends["first"]):
            raise SessionError(
                f"There are no bars{self.then}", self._remedy(", or quant-platform demo")
            )
        return calendar.sessions(
            date.fromisoformat(str(ends["first"])), date.fromisoformat(str(ends["last"]))
        )

    def refuse_gaps(self, table: str, sessions: Sequence[str]) -> None:
        """Refuse to compute over a hole: history may begin late, but not skip a session."""
        holes = bulk.query(
            self.database,
            _HOLES.format(bulk.quoted(table)),
            ("{" + ",".join(sessions) + "}",),
            known_at=self.moment,
        )["date"].tolist()
        if holes:
            raise SessionError(
                f"{table} lacks {len(holes)} of the sessions needed{self.then},"
                f" from {holes[0]} to {holes[-1]}",
                self._remedy(f" --start {holes[0]} --end {holes[-1]}"),
            )

    @property
    def then(self) -> str:
        """The moment, in words that follow what was not there."""
        return "" if self.moment is None else f" known at {self.moment}"

    def _remedy(self, options: str = "") -> str:
        if self.moment is not None:
            return "Choose a later moment"
        return f"Run: quant-platform backfill{options}"


@dataclass(frozen=True)
class _Facts:
    """What both models are computed from.

    Attributes
    ----------
    days : the sessions of the backtest (ISO dates)
    window : these and the ones a signal looks back on
    panel : bars and corporate actions of `days`, by security
    features, bars, members : rows of `window` (bars: and of sessions before it), by security
    universe : the members with their tickers
    """

    days: Sequence[str]
    window: Sequence[str]
    panel: Panel
    features: pd.DataFrame
    bars: pd.DataFrame
    members: pd.DataFrame
    universe: pd.DataFrame


def _facts(
    known: _Known, models: Sequence[Strategy], stored: Sequence[date], sessions: Sequence[date]
) -> _Facts:
    names = tuple(dict.fromkeys(name for model in models for name in model.features))
    days = [day.isoformat() for day in sessions]
    window = _before(stored, days, max(model.lookback for model in models))
    deep = _before(stored, window, required_lookback(names))
    known.refuse_gaps("market_data", deep)
    known.refuse_gaps("trading_universe", window)
    span = (deep[0], deep[-1])
    # Bars of a security from before it was a member count, too, and positions outlive membership.
    ever = Members(BEGINNING, days[-1])
    bars = known.rows("market_data", *span, (*IDENTITY_COLUMNS, *BAR_COLUMNS.values()), ever)
    actions = known.rows("corporate_actions", *span, members=ever)
    universe = known.rows("trading_universe", window[0], window[-1], IDENTITY_COLUMNS)
    news = None
    if any("articles" in feature.inputs for feature in select(names)):
        articles = known.rows("news", *span, (*IDENTITY_COLUMNS, "sentiment"), ever)
        # Without a single article, the market is taken for one whose news nobody collects.
        news = articles if len(articles) else None
    computed = compute_features(
        Panel.from_frames(bars, actions, deep, news=news), last=len(window), names=names
    )
    return _Facts(
        days,
        window,
        Panel.from_frames(bars, actions, days),
        with_tickers(computed, universe),
        bars,
        universe,
        universe,
    )


def _signals(model: Strategy, facts: _Facts) -> pd.DataFrame:
    panel = SignalPanel.from_frames(facts.features, facts.bars, facts.members, facts.window)
    found = with_tickers(model.run(panel, last=len(facts.days)), facts.universe)
    ordered = found.sort_values(["date", "symbol"], ignore_index=True)
    return ordered[
        [*IDENTITY_COLUMNS, *(name for name in SIGNAL_COLUMNS if name not in IDENTITY_COLUMNS)]
    ]


def _orders(signals: pd.DataFrame, facts: _Facts) -> Orders:
    return Orders.from_signals(signals, facts.days, universe=facts.members)


def _benchmark() -> Strategy:
    for each in all_strategies():
        if each.is_benchmark:
            return each
    raise UnknownNameError("No strategy is a benchmark", "One must state is_benchmark = True")


def _before(stored: Sequence[date], days: Sequence[str], lookback: int) -> list[str]:
    """Days, with the stored sessions before them that a look-back reaches."""
    first = stored.index(date.fromisoformat(days[0]))
    known = [day.isoformat() for day in stored[max(first - (lookback - 1), 0) : first]]
    return [*known, *days]


def _text(day: str | date) -> str:
    return day if isinstance(day, str) else f"{day:%Y-%m-%d}"
