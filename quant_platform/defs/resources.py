"""The resource `platform`: hands the library's plain objects to assets and checks.

These are the settings, the database and the vendor.
"""

from dataclasses import dataclass
from functools import lru_cache

from quant_platform.provision import ready_database
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.storage.schema import Table, read_table
from quant_platform.vendors.base import Vendor


@dataclass(frozen=True)
class Platform:
    """Settings and vendor of this process.

    Its database is opened, and brought up to date, at first use.
    """

    settings: Settings
    vendor: Vendor

    @property
    def database(self) -> Database:
        """The platform's database, its schema up to date."""
        return ready_database(self.settings)

    def table(self, name: str) -> Table:
        """Return the contract of a table, read once per process."""
        return _table(self.database, name)


@lru_cache(maxsize=64)
def _table(database: Database, name: str) -> Table:
    return read_table(database, name)
