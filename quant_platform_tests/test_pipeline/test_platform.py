"""A database belongs to one vendor: another one cannot replace what it sent."""

import pytest

from quant_platform.errors import SettingsError
from quant_platform.pipeline.platform import Platform
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.tables import fetch


class OtherVendor(SampleVendor):
    """The same market under another name."""

    name = "other"


def ingested(database: Database, day: str, status: str, rows: int) -> None:
    fetch(
        database,
        "INSERT INTO ingestions (date, source, status, rows) VALUES (%s, 'sample', %s, %s)",
        *(day, status, rows),
    )


def test_another_vendor_is_refused(database: Database, settings: Settings) -> None:
    ingested(database, "2004-08-19", "complete", 5)
    ingested(database, "2004-08-20", "complete", 5)
    assert Platform(settings, SampleVendor()).database.url == database.url
    with pytest.raises(SettingsError) as caught:
        _ = Platform(settings, OtherVendor()).database
    assert caught.value.message == (
        "This database holds the market of the vendor 'sample' (sessions: 2), and the settings ask"
        " for 'other'"
    )
    assert "QUANT_PLATFORM_VENDOR=sample" in caught.value.hint


def test_a_vendor_that_sent_nothing_keeps_nobody_out(
    database: Database, settings: Settings
) -> None:
    ingested(database, "2004-08-19", "failed", 0)
    ingested(database, "2004-08-20", "pending", 0)
    assert Platform(settings, OtherVendor()).database.url == database.url
