"""A database belongs to one vendor: another one cannot replace what it sent."""

import pytest

from quant_platform.errors import QuantPlatformError, SettingsError
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"costs": "foo"}, "no set of trading costs 'foo'"),
        ({"costs": "realistic nope=1"}, "no trading cost 'nope'"),
        ({"costs": "realistic impact=-1"}, "impact is -1.0"),
        ({"limits": "drawdown=abc"}, "limit drawdown is 'abc'"),
        ({"limits": "size=1"}, "no limit 'size'"),
    ],
)
def test_costs_and_limits_that_are_none_are_refused_before_a_database_is_opened(
    settings: Settings, changes: dict[str, str], message: str
) -> None:
    nowhere = {"database_url": "postgresql+psycopg2://127.0.0.1:1/nothing"}
    wrong = settings.model_copy(update={**nowhere, **changes})
    with pytest.raises(QuantPlatformError, match=message):
        _ = Platform(wrong, SampleVendor()).database
