"""Law 3: materialising again with the same inputs changes no row, no clock and no history."""

from pathlib import Path

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, LAST, LISTING, everything, run


@pytest.mark.parametrize(
    ("first", "last"),
    [(FIRST, LAST), (LISTING, "2004-08-20")],
    ids=["everything", "two sessions in the middle"],
)
def test_again(computed: Database, tmp_path: Path, first: str, last: str) -> None:
    before = everything(computed)
    assert run(computed, tmp_path, first, last).success
    after = everything(computed)
    for table, rows in before.items():
        assert after[table] == rows, table
    assert sorted(after) == sorted(before)
    assert not any(rows for table, rows in after.items() if table.endswith("_history"))
    assert after["quarantine"] == []
