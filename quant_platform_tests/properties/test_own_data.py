"""Own data from a file to a feature, as `docs/how-to-add.md` prints both, on the small market.

The exchange closed at 16:00 in New York on each day of August 2004, so that what became known on
Friday the 13th at 17:30 counts on Monday the 16th.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quant_platform as qp
from quant_platform.extensions import PACKAGE, extension_modules
from quant_platform.features.feature_registry import all_features
from quant_platform.pipeline.computations import unfinished
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.provision import provision
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.quality.check_registry import all_checks
from quant_platform.quality.judging import judge_blocks
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, SampleMarket, run
from quant_platform_tests.support.services import CHECKOUT
from quant_platform_tests.support.tables import fetch

FIRST, END = "2004-08-02", "2004-09-03"
"""The last is the session of the quarter that is computed again by checks."""

TEXT = "SELECT date::text, symbol, value FROM own_data ORDER BY date, known_at, symbol"


def printed(language: str) -> str:
    """Return the block of the section that is written in a language."""
    page = (CHECKOUT / "docs" / "how-to-add.md").read_text()
    section = page.partition("\n## Data of your own\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return block


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with the file and the extension of the page."""
    home, extensions = tmp_path / "home", tmp_path / "extensions"
    for folder in (home, home / "own", extensions):
        folder.mkdir()
    (home / "own" / "short_interest.csv").write_text(printed("csv"))
    (extensions / "crowd.py").write_text(printed("python"))
    monkeypatch.setenv(PREFIX + "EXTENSIONS", str(extensions))

    def forget() -> None:
        extension_modules.cache_clear()
        all_features.cache_clear()
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]

    forget()
    yield home
    forget()


def test_from_a_file_to_a_feature(fresh: Database, home: Path) -> None:
    variables = {"DATABASE_URL": fresh.url, PREFIX + "HOME": str(home)}
    chosen = {PREFIX + "FEATURE_SETS": "crowd"}
    settings = Settings.load(variables | chosen, home)
    provision(fresh, sets=stored_sets(settings))
    platform = Platform(settings, SampleMarket())

    def fill() -> None:
        assets = [*FACTS, "own_data", "features_crowd"]
        result = run(fresh, home, FIRST, END, assets=assets, settings=chosen)
        assert result.success, failure_text(result)

    fill()
    assert fetch(fresh, TEXT) == [
        ("2004-08-10", "AAPL", 1.5),
        ("2004-08-10", "IBM", 3.0),
        ("2004-08-16", "AAPL", 1.75),
        ("2004-08-25", "AAPL", 1.25),
    ]
    store = qp.open(settings)
    stored = store.features("days_to_cover", FIRST, END)
    wide = stored["days_to_cover"].unstack()
    # 6 sessions before the 10th, 4 from it to the 13th, 7 from the 16th to the 24th, 8 after.
    expected = [np.nan] * 6 + [1.5] * 4 + [1.75] * 7 + [1.25] * 8
    np.testing.assert_array_equal(wide["AAPL"], expected)
    np.testing.assert_array_equal(wide["IBM"], [np.nan] * 6 + [3.0] * 19)
    assert wide["MSFT"].isna().all()

    # Not stored, it is computed to the same bits; a function of a panel reads it by its name.
    fetch(fresh, "DELETE FROM features_crowd WHERE date = '2004-08-20'")
    pd.testing.assert_frame_equal(store.features("days_to_cover", FIRST, END), stored)

    def shorted(panel: qp.Panel) -> np.ndarray:
        return np.where(panel["days_to_cover"] > 2.0, 1.0, 0.0)

    shorted.lookback = 5  # type: ignore[attr-defined]
    fills = store.backtest(shorted, "2004-08-20", END).fills
    assert set(fills["security_id"]) == {"IBM"}

    def to_read() -> list[str]:
        return unfinished(platform, "own_data", [], [FIRST, END], recipe_of(platform, "own_data"))

    assert to_read() == []
    _break_files(home / "own")
    assert to_read() == [FIRST, END]
    fill()
    assert [text for (text,) in fetch(fresh, "SELECT reason FROM quarantine ORDER BY 1")] == [
        "short_interest.csv, line 6, no security has the symbol in the session",
        "short_interest.csv, line 7, days_to_cover: 'many' is no number",
    ]
    assert fetch(fresh, "SELECT date::text, value FROM own_data WHERE symbol = 'IBM'") == [
        ("2004-08-10", 3.5)
    ]
    assert fetch(fresh, "SELECT symbol, value FROM own_data_history") == [("IBM", 3.0)]
    failed = "SELECT DISTINCT part, reason FROM computation_failures"
    ((part, reason),) = fetch(fresh, failed)
    assert part == "dataset mood"
    assert "lacks the column 'known_at'" in reason
    for check in all_checks(settings, platform.vendor):
        if check.asset in ("own_data", "features_crowd"):
            judge_blocks(platform, [check], [FIRST, "2004-08-27", END])
    verdicts = fetch(
        fresh,
        "SELECT check_name, date::text, passed FROM data_quality WHERE passed IS NOT NULL"
        " ORDER BY 1, 2",
    )
    assert verdicts == [
        ("features_crowd_causality", END, True),
        # The pauses were of 4 and of 7 sessions, and 7 have passed.
        ("own_data_silence", END, True),
        ("refused_own_data", FIRST, True),
        ("refused_own_data", "2004-08-27", False),
        ("refused_own_data", END, True),
    ]

    # What is mended is said to be so, and what it was stays in quarantine.
    (home / "own" / "mood.csv").unlink()
    text = (home / "own" / "short_interest.csv").read_text().replace("XYZ", "MSFT")
    (home / "own" / "short_interest.csv").write_text(text.replace("MSFT,many", "GOOG,2.5"))
    fill()
    assert fetch(fresh, failed) == []
    assert fetch(fresh, "SELECT count(*), count(mended_at) FROM quarantine") == [(2, 2)]
    refused = "SELECT passed FROM data_quality WHERE check_name = 'refused_own_data'"
    assert fetch(fresh, f"{refused} AND date = '2004-08-27'") == []
    for check in all_checks(settings, platform.vendor):
        if check.name == "refused_own_data":
            judge_blocks(platform, [check], ["2004-08-27"])
    assert fetch(fresh, f"{refused} AND NOT passed") == []
    assert fetch(fresh, "SELECT count(*) FROM own_data WHERE date = '2004-08-27'") == [(2,)]


def _break_files(folder: Path) -> None:
    """Change a value, add two rows that are none, and a file that is none."""
    file = folder / "short_interest.csv"
    text = file.read_text().replace("IBM,3.0", "IBM,3.5")
    rows = ("XYZ,1.0", "MSFT,many")
    added = "".join(f"2004-08-13,2004-08-27T08:00:00-04:00,{row}\n" for row in rows)
    file.write_text(text + added)
    (folder / "mood.csv").write_text("date,level\n2004-08-13,1\n")
