"""A notebook's store over a database of the tests, with a home of its own.

What does not belong here: databases (`pipeline.py`), and logins (`readers.py`).
"""

from pathlib import Path

from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database

MODELS = ["buy_and_hold", "enhanced_momentum", "mean_reversion"]
"""Models that run each day by default; `equal_weight` is what they are judged against."""


def store_of(database: Database, home: Path) -> Store:
    """Return the store of a database, with settings that name nothing else."""
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home)}
    return Store(database, Settings.load(values, home))
