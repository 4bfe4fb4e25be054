"""What explains stored results, where there is nothing to explain."""

import pandas as pd
import pytest

from quant_platform.errors import SessionError
from quant_platform.pipeline.accounts import stored_account
from quant_platform.pipeline.attribution import classified, stored_attribution
from quant_platform.pipeline.survivorship import stored_survivorship
from quant_platform.settings import Settings
from quant_platform.storage.database import Database


def test_without_portfolios_there_is_nothing(database: Database, settings: Settings) -> None:
    found = stored_attribution(database, "2024-01-05")
    assert found.rows.empty and found.models.empty
    with pytest.raises(SessionError, match="There is no portfolio up to 2024-01-05"):
        stored_survivorship(settings, database, "2024-01-05")
    with pytest.raises(SessionError, match="Model 1 has no portfolio up to 2024-01-05"):
        stored_account(settings, database, 1, "2024-01-05")


def test_what_vendors_write_for_no_sector_is_unclassified() -> None:
    sectors = pd.Series(["Energy", "Unknown", "", None, "N/A"], dtype="str")
    assert classified(sectors).tolist() == ["Energy", *["unclassified"] * 4]
