"""`Validations`: what a store finds out of sample about strategies whose parameters are chosen.

What belongs here: what a user calls, with arguments as a person writes them; each run is counted in
the ledger of trials, and nothing else is written. What does not: how it is computed
(`validation.py`). The examples show the sample market, after `quant-platform demo`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from quant_platform.errors import SettingsError
from quant_platform.market.calendar import platform_calendar
from quant_platform.research.arguments import Day
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.configurations import Space
from quant_platform.research.progress import Show
from quant_platform.research.studies import Studies
from quant_platform.research.sweep_plan import rival_of
from quant_platform.research.validation import Search, cross_validate, walk_forward
from quant_platform.research.validation_result import Validation
from quant_platform.storage.ledger import Ledger
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.benchmarks import is_symbol
from quant_platform.strategies.book import Book
from quant_platform.strategies.books import book_or
from quant_platform.strategies.models import model_of
from quant_platform.strategies.strategy_registry import strategy_classes
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limits

Searched = str | Strategy | type[Strategy] | Callable[..., object]


class Options(TypedDict, total=False):
    """What both validations take, as `Store.sweep` does."""

    metric: str
    sample: int | None
    seed: int
    costs: Costs | None
    limits: Limits | None
    delistings: DelistingRules | None
    capital: float | None
    risk_free: float | None
    benchmark: Benchmark | None
    progress: bool | Show
    confirm: bool
    resume: bool
    time_limit: float | None


@dataclass(frozen=True)
class Validations(Studies):
    """Walk-forward and cross-validation over the tables of one database.

    Attributes
    ----------
    origin : who runs its simulations: notebook or command
    """

    origin: str = "notebook"

    def walk_forward(
        self,
        strategy: Searched,
        parameters: Space,
        start: Day,
        end: Day,
        *,
        train: int,
        test: int,
        growing: bool = False,
        embargo: int = 0,
        horizon: int = 0,
        **options: Unpack[Options],
    ) -> Validation:
        """Choose parameters in one stretch of sessions, test them in the next, and move on.

        The choice knows nothing of what comes after its training part. Each part is run with fresh
        capital, and each run counts as a trial (`research/validation.py` says how).

        Parameters
        ----------
        strategy, parameters, start, end : as of `sweep`
        train, test : sessions of a training part, and of the test after it; the first test begins
            `train` sessions after `start`
        growing : train on all sessions before the test
        embargo : sessions left out between training and test
        horizon : sessions after one that what is judged of it reaches; training ends before such
            a reach enters the test
        options : `metric`, the figure by which parameters are chosen (default: the Sharpe ratio);
            and of `sweep`: sample, seed, costs, limits, delistings, capital, risk_free, benchmark,
            progress, confirm, resume, time_limit

        Raises
        ------
        SettingsError
            There is no such figure, or no fold; the strategy has no such parameter or refuses a
            value; or there are too many runs.
        UnknownNameError, SessionError
            As `backtest`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> found = qp.open().walk_forward(
        ...     "enhanced_momentum",
        ...     {"stop_atr": [1.0, 2.0]},
        ...     "2007-01-03",
        ...     "2008-12-31",
        ...     train=252,
        ...     test=126,
        ...     progress=False,
        ... )
        >>> found.table["test_first"].tolist()
        ['2008-01-03', '2008-07-03']
        """
        return walk_forward(
            self._search(strategy, parameters, start, end, options),
            train=train,
            test=test,
            growing=growing,
            embargo=embargo,
            horizon=horizon,
        )

    def cross_validate(
        self,
        strategy: Searched,
        parameters: Space,
        start: Day,
        end: Day,
        *,
        blocks: int = 6,
        test_blocks: int | None = None,
        combinatorial: bool = True,
        embargo: int = 0,
        horizon: int = 0,
        **options: Unpack[Options],
    ) -> Validation:
        """Choose parameters in some blocks of sessions, and test them in the others.

        Training parts lie before and after the tests, so this is no record that anybody could have
        had: it shows how much a result depends on which sessions were for training. Each block is
        run once with fresh capital, and each run counts as a trial.

        Parameters
        ----------
        strategy, parameters, start, end : as of `sweep`
        blocks : parts of equal size that the sessions are cut into
        test_blocks : blocks of one test; default: 2, and 1 unless it is combinatorial
        combinatorial : test every choice of blocks, so that there are several paths through all
            sessions; False: each block once, which gives one path
        embargo : sessions left out of training after a test
        horizon, options : as of `walk_forward`

        Raises
        ------
        SettingsError, UnknownNameError, SessionError
            As `walk_forward`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> found = qp.open().cross_validate(
        ...     "enhanced_momentum",
        ...     {"stop_atr": [1.0, 2.0]},
        ...     "2007-01-03",
        ...     "2008-12-31",
        ...     blocks=4,
        ...     progress=False,
        ... )
        >>> len(found.folds), found.paths.shape
        (6, (504, 3))
        """
        if not combinatorial and test_blocks not in (None, 1):
            raise SettingsError(
                f"test_blocks is {test_blocks!r}, and combinatorial is False",
                "Each block is then tested once: leave test_blocks out",
            )
        usual = 2 if combinatorial else 1
        return cross_validate(
            self._search(strategy, parameters, start, end, options),
            blocks=blocks,
            test_blocks=usual if test_blocks is None else test_blocks,
            embargo=embargo,
            horizon=horizon,
        )

    def _search(
        self, strategy: Searched, parameters: Space, start: Day, end: Day, options: Options
    ) -> Search:
        """Return what is chosen among, with the settings where nothing is given."""
        unknown = sorted(set(options) - set(Options.__annotations__))
        if unknown:
            raise TypeError(f"There is no argument {unknown[0]!r}")
        given: dict[str, Any] = dict(options)
        usual = self.settings
        money = ("costs", "limits", "delistings", "capital", "risk_free")
        assumed = self._assumed(**{name: given.pop(name, None) for name in money})
        default = self._rival(usual.benchmark) or usual.benchmark
        benchmark, limit = self._rival(given.pop("benchmark", None)), given.pop("time_limit", None)
        return Search(
            self._reader,
            self._swept(strategy),
            parameters,
            start,
            end,
            rival_of(benchmark, default, self._rival),
            platform_calendar(usual),
            assumed,
            ledger=self._ledger,
            time_limit=usual.step_seconds if limit is None else limit,
            **given,
        )

    def _swept(self, strategy: object) -> object:
        """Return what a name means by the settings, which must be no book."""
        given = book_or(self.settings, strategy)
        if isinstance(given, Book):
            raise SettingsError(
                f"{given.name} is a book, and a sweep is of one strategy",
                "Sweep its members, and compare books of other rules with store.backtest",
            )
        return model_of(self.settings, given) if isinstance(given, str) else given

    def _rival(self, benchmark: Benchmark | None) -> Benchmark | None:
        """Return what a name means by the settings, and a name that means nothing else as it is."""
        if not isinstance(benchmark, str) or is_symbol(benchmark):
            return benchmark
        model = model_of(self.settings, benchmark)
        plain = strategy_classes().get(benchmark)
        return benchmark if plain and model.parameters == plain().parameters else model

    @property
    def _ledger(self) -> Ledger:
        home = self.settings.home
        return Ledger(self.database, home if home.is_absolute() else None)
