"""The market that backtests are worked out by hand on."""

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import store_market


@pytest.fixture
def market(database: Database) -> Database:
    """One security in five sessions."""
    return store_market(database)
