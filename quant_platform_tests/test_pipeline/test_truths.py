"""What is planted comes with the market it is planted in, once."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from quant_platform.errors import VendorError
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.truths import truth_chunks
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.sample import SampleVendor
from quant_platform.vendors.synthetic import SyntheticVendor
from quant_platform.vendors.synthetic.settings import SyntheticSettings
from quant_platform_tests.support import lab, pipeline
from quant_platform_tests.support.tables import fetch

FIRST, LAST = "2005-01-03", "2005-03-04"

ASSETS = ("market_data", "securities", "security_symbols", "corporate_actions", "planted_truths")


def test_ingestion_fills_the_table_and_a_second_one_leaves_it(
    database: Database, tmp_path: Path
) -> None:
    vendor = SyntheticVendor(SyntheticSettings(securities=12, first=FIRST, last=LAST))
    written = []
    for _ in range(2):
        done = pipeline.run(database, tmp_path, FIRST, LAST, vendor=vendor, assets=ASSETS)
        assert done.success, lab.failure_text(done)
        written.append(fetch(database, "SELECT t::text FROM planted_truths AS t ORDER BY 1"))
    assert written[0] == written[1]
    assert fetch(database, "SELECT count(*) FROM planted_truths_history") == [(0,)]
    truths = vendor.planted_truths(date.fromisoformat(FIRST), date.fromisoformat(LAST))
    stored = fetch(
        database,
        "SELECT date, kind, security_id, symbol, name, other_symbol, other_security_id, last_date,"
        " pay_date, payoff, split_ratio, cash_amount, printed, true_value, information_coefficient,"
        " persistence FROM planted_truths ORDER BY 1, 2, 3, 5",
    )
    frame = pd.DataFrame(stored, columns=list(truths.columns))
    texts = truths.assign(
        **{name: truths[name].dt.date for name in ("date", "last_date", "pay_date")}
    )
    for name in truths.columns:
        mine, theirs = (each[name].astype(object) for each in (frame, texts))
        assert (mine.isna() == theirs.isna()).all(), name
        assert mine.dropna().tolist() == theirs.dropna().tolist(), name
    # Each ticker became the identity that was planted.
    securities = fetch(database, "SELECT count(DISTINCT security_id) FROM market_data")
    assert securities == [(int((truths["kind"] == "listing").sum()),)]


def test_a_vendor_of_a_real_market_plants_nothing(tmp_path: Path) -> None:
    platform = Platform(Settings.load({}, tmp_path), SampleVendor())
    with pytest.raises(VendorError, match="The vendor 'sample' plants nothing"):
        next(truth_chunks(platform, ["2005-01-03"]))
