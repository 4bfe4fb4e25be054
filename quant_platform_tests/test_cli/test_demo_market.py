"""`demo --market`: a generated market through the same pipeline, and no two in one database."""

import re

from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.tables import fetch

SMALL = {
    PREFIX + "SYNTHETIC_SECURITIES": "12",
    PREFIX + "SYNTHETIC_LAST": "2005-01-07",
}
"""Five sessions."""


def test_a_generated_market_goes_through_the_pipeline(command: Run, database: Database) -> None:
    done = command("demo", "--market", "synthetic", **SMALL)
    assert done.returncode == 0, done.stderr
    assert "planted_truths done" in done.stderr
    assert re.search(r"^market_data +60 *$", done.stdout, re.MULTILINE), done.stdout
    assert "5 sessions in" in done.stdout
    assert "Ranking of 2005-01-07" in done.stdout
    assert "Set QUANT_PLATFORM_VENDOR=synthetic" in done.stdout
    planted = dict(fetch(database, "SELECT kind, count(*) FROM planted_truths GROUP BY 1"))
    assert (planted["listing"], planted["signal"]) == (12, 5)
    other = command("demo")
    assert other.returncode == 1
    (line,) = other.stderr.strip().splitlines()
    assert "holds the market of the vendor 'synthetic'" in line
    assert "QUANT_PLATFORM_VENDOR=synthetic" in line


def test_a_market_that_is_none(in_folder: Run) -> None:
    done = in_folder("demo", "--market", "real")
    assert done.returncode == 2
    assert "'sample', 'synthetic'" in done.stderr
