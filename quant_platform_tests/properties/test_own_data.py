"""Own data from a file to a feature, as `docs/how-to-add.md` prints both, on the small market.

The exchange closed at 16:00 in New York on each day of August 2004, so that what became known on
Friday the 13th at 17:30 counts on Monday the 16th.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

CHOSEN = {PREFIX + "FEATURE_SETS": "crowd"}


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


@dataclass(frozen=True)
class Lab:
    """The small market with the sets of the home's extension."""

    database: Database
    home: Path

    @property
    def platform(self) -> Platform:
        values = {"DATABASE_URL": self.database.url, PREFIX + "HOME": str(self.home), **CHOSEN}
        return Platform(Settings.load(values, self.home), SampleMarket())

    def fill(self) -> None:
        assets = [*FACTS, "own_data", "features_crowd"]
        result = run(self.database, self.home, FIRST, END, assets=assets, settings=CHOSEN)
        assert result.success, failure_text(result)

    def to_read(self) -> list[str]:
        """Sessions that a backfill would read again."""
        recipe = recipe_of(self.platform, "own_data")
        return unfinished(self.platform, "own_data", [], [FIRST, END], recipe)

    def judge(self, *sessions: str) -> list[tuple[str, str, bool]]:
        for check in all_checks(self.platform.settings, self.platform.vendor):
            if check.asset in ("own_data", "features_crowd"):
                judge_blocks(self.platform, [check], sessions)
        return self.sql(
            "SELECT check_name, date::text, passed FROM data_quality WHERE passed IS NOT NULL"
            " ORDER BY 1, 2",
        )

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return fetch(self.database, statement)


def test_from_a_file_to_a_feature(fresh: Database, home: Path) -> None:
    lab = Lab(fresh, home)
    provision(fresh, sets=stored_sets(lab.platform.settings))
    lab.fill()
    assert lab.sql("SELECT date::text, symbol, value FROM own_data ORDER BY 1, known_at, 2") == [
        ("2004-08-10", "AAPL", 1.5),
        ("2004-08-10", "IBM", 3.0),
        ("2004-08-16", "AAPL", 1.75),
        ("2004-08-25", "AAPL", 1.25),
    ]
    in_a_notebook(lab)
    broken(lab)
    mended(lab)


def in_a_notebook(lab: Lab) -> None:
    store = qp.open(lab.platform.settings)
    stored = store.features("days_to_cover", FIRST, END)
    wide = stored["days_to_cover"].unstack()
    # 6 sessions before the 10th, 4 from it to the 13th, 7 from the 16th to the 24th, 8 after.
    expected = [np.nan] * 6 + [1.5] * 4 + [1.75] * 7 + [1.25] * 8
    np.testing.assert_array_equal(wide["AAPL"], expected)
    np.testing.assert_array_equal(wide["IBM"], [np.nan] * 6 + [3.0] * 19)
    assert wide["MSFT"].isna().all()

    # Not stored, it is computed to the same bits; a function of a panel reads it by its name.
    lab.sql("DELETE FROM features_crowd WHERE date = '2004-08-20'")
    pd.testing.assert_frame_equal(store.features("days_to_cover", FIRST, END), stored)

    def shorted(panel: qp.Panel) -> np.ndarray:
        return np.where(panel["days_to_cover"] > 2.0, 1.0, 0.0)

    shorted.lookback = 5  # type: ignore[attr-defined]
    fills = store.backtest(shorted, "2004-08-20", END).fills
    assert set(fills["security_id"]) == {"IBM"}


def broken(lab: Lab) -> None:
    """A value is changed, two rows are none, and a file is none: nothing else is harmed."""
    assert lab.to_read() == []
    file = lab.home / "own" / "short_interest.csv"
    text = file.read_text().replace("IBM,3.0", "IBM,3.5")
    start = "2004-08-13,2004-08-27T08:00:00-04:00"
    file.write_text(f"{text}{start},XYZ,1.0\n{start},MSFT,many\n")
    (lab.home / "own" / "mood.csv").write_text("date,level\n2004-08-13,1\n")
    assert lab.to_read() == [FIRST, END]
    lab.fill()
    assert lab.sql("SELECT reason FROM quarantine ORDER BY 1") == [
        ("short_interest.csv, line 6, no security has the symbol in the session",),
        ("short_interest.csv, line 7, days_to_cover: 'many' is no number",),
    ]
    assert lab.sql("SELECT date::text, value FROM own_data WHERE symbol = 'IBM'") == [
        ("2004-08-10", 3.5)
    ]
    assert lab.sql("SELECT symbol, value FROM own_data_history") == [("IBM", 3.0)]
    ((part, reason),) = lab.sql("SELECT DISTINCT part, reason FROM computation_failures")
    assert part == "dataset mood"
    assert "lacks the column 'known_at'" in reason
    assert lab.judge(FIRST, "2004-08-27", END) == [
        ("features_crowd_causality", END, True),
        # The pauses were of 4 and of 7 sessions, and 7 have passed.
        ("own_data_silence", END, True),
        ("refused_own_data", FIRST, True),
        ("refused_own_data", "2004-08-27", False),
        ("refused_own_data", END, True),
    ]


def mended(lab: Lab) -> None:
    """What is mended is said to be so, and what it was stays in quarantine."""
    file = lab.home / "own" / "short_interest.csv"
    file.write_text(file.read_text().replace("MSFT,many", "GOOG,2.5").replace("XYZ", "MSFT"))
    (lab.home / "own" / "mood.csv").unlink()
    lab.fill()
    assert lab.sql("SELECT part FROM computation_failures") == []
    assert lab.sql("SELECT count(*), count(mended_at) FROM quarantine") == [(2, 2)]
    # The verdict on the row that was refused is withdrawn, and reached anew.
    refused = "SELECT passed FROM data_quality WHERE check_name = 'refused_own_data'"
    assert lab.sql(f"{refused} AND date = '2004-08-27'") == []
    assert ("refused_own_data", "2004-08-27", True) in lab.judge("2004-08-27")
    assert lab.sql("SELECT count(*) FROM own_data WHERE date = '2004-08-27'") == [(2,)]
