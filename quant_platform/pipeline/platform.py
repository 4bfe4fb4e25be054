"""`Platform`: settings, vendor, calendar and database, as everything that runs is given them.

What does not belong here: work. What is done with them has a module of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from quant_platform.alerts.tuning import rules_in_force
from quant_platform.errors import SettingsError
from quant_platform.market.calendar import Calendar
from quant_platform.market.universe import EVERYBODY, UniverseRule
from quant_platform.pipeline.provision import ready_database
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.schema import Table, read_table
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.books import books_of
from quant_platform.strategies.condition_sources import read_sources
from quant_platform.strategies.models import models_of
from quant_platform.trading.costs import costs_of
from quant_platform.trading.limits import Limits
from quant_platform.vendors.base import Vendor


@dataclass(frozen=True)
class Platform:
    """Settings and vendor of this process.

    Its database is opened, and brought up to date, at first use.
    """

    settings: Settings
    vendor: Vendor

    @cached_property
    def calendar(self) -> Calendar:
        """Sessions of the vendor's exchange, without the closures that the settings add.

        Raises
        ------
        SettingsError
            The vendor's market begins before them: its first rows would belong to no session.
        """
        calendar = Calendar(self.vendor.exchange, frozenset(self.settings.closures))
        calendar.check_start(self.vendor.first_session, self.vendor.name)
        return calendar

    @property
    def database(self) -> Database:
        """The platform's database, its schema up to date.

        Raises
        ------
        SettingsError, UnknownNameError
            It holds the market of another vendor, or models, books, costs, limits or alert rules
            are none: a run would find that out at its end.
        """
        _ = self.models, self.books
        costs_of(self.settings)
        Limits.read(self.settings.limits)
        read_sources(self.settings.conditions)
        rules_in_force(self.settings.alert_rules)
        database = ready_database(self.settings)
        _refuse_other_vendor(database, self.vendor.name)
        return database

    @cached_property
    def models(self) -> tuple[Strategy, ...]:
        """The models that run each day, sorted by name; errors as `models_of`."""
        return models_of(self.settings)

    @cached_property
    def books(self) -> tuple[Book, ...]:
        """Portfolios of several models, sorted by name; errors as `books_of`."""
        return books_of(self.settings)

    @property
    def traded(self) -> tuple[Strategy | Book, ...]:
        """What has a portfolio: the models, then the books."""
        return (*self.models, *self.books)

    @cached_property
    def universe_rule(self) -> UniverseRule:
        """Rule of the settings, else the vendor's own, else everybody."""
        return UniverseRule.parse(
            self.settings.universe or self.vendor.default_universe or EVERYBODY
        )

    def window(self, keys: Sequence[str], lookback: int) -> list[str]:
        """Sessions that a run over `keys` reads when it looks back, ending with the last key."""
        return self.calendar.window(self.vendor.first_session, keys, lookback)

    def table(self, name: str) -> Table:
        """Return the contract of a table, read once per process."""
        return _table(self.database, name)


@lru_cache(maxsize=64)
def _refuse_other_vendor(database: Database, vendor: str) -> None:
    """Keep a vendor from replacing what another one sent: their securities are not the same."""
    others = bulk.query(
        database,
        "SELECT source, count(*) AS sessions FROM ingestions"
        " WHERE status = 'complete' AND rows > 0 AND source <> $1::text GROUP BY 1 ORDER BY 2 DESC",
        (vendor,),
    )
    if len(others):
        source, sessions = others.iloc[0]
        raise SettingsError(
            f"This database holds the market of the vendor {source!r} (sessions: {sessions:,}), and"
            f" the settings ask for {vendor!r}",
            f"Set QUANT_PLATFORM_VENDOR={source}, or give {vendor!r} a database of its own:"
            " another QUANT_PLATFORM_HOME or DATABASE_URL",
        )


@lru_cache(maxsize=64)
def _table(database: Database, name: str) -> Table:
    return read_table(database, name)
