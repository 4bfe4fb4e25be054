"""Conditions of securities from a file of own data: the daily run and a backtest give the same."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

import quant_platform as qp
from quant_platform.pipeline.provision import provision
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, run
from quant_platform_tests.support.tables import fetch

FIRST, MIDDLE, NEXT, END = "2004-08-02", "2004-08-18", "2004-08-19", "2004-09-03"

SETTINGS = {
    PREFIX + "CONDITIONS": "beta=own:betas.value",
    PREFIX + "LIMITS": "beta=0.5:scale",
    PREFIX + "MODELS": "buy_and_hold; equal_weight",
    PREFIX + "BOOKS": "both = equal(buy_and_hold, equal_weight)",
}

BETAS = """date,known_at,symbol,value
2004-08-09,2004-08-09T15:00:00-04:00,IBM,4
2004-08-09,2004-08-09T15:00:00-04:00,AAPL,2
2004-08-25,2004-08-25T15:00:00-04:00,IBM,0.5
"""

ASSETS = (
    *FACTS,
    *("own_data", "features", "signals/buy_and_hold", "signals/equal_weight", "portfolios"),
)

STORED = """
SELECT model_name, date::text, equity, gross_exposure FROM portfolios
JOIN models ON models.id = model_id ORDER BY 1, 2
"""


def fill(database: Database, home: Path, *ranges: tuple[str, str], **changed: str) -> None:
    provision(database)
    (home / "own").mkdir(parents=True, exist_ok=True)
    (home / "own" / "betas.csv").write_text(BETAS)
    for first, last in ranges:
        result = run(database, home, first, last, assets=ASSETS, settings={**SETTINGS, **changed})
        assert result.success, failure_text(result)


def test_a_run_in_two_cuts_gives_what_a_backtest_gives(
    fresh: Database, new_database: Callable[[str | None], Database], base: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    fill(fresh, home, (FIRST, END))
    rows = fetch(fresh, STORED)
    values = {"DATABASE_URL": fresh.url, PREFIX + "HOME": str(home), **SETTINGS}
    settings = Settings.load(values, home)
    store = qp.open(settings)
    for name in ("buy_and_hold", "equal_weight", "both"):
        found = store.backtest(name, FIRST, END).portfolios
        kept = pd.DataFrame(
            [row[1:] for row in rows if row[0] == name], columns=["date", "equity", "gross"]
        )
        assert found["equity"].tolist() == kept["equity"].tolist()
        assert found["gross_exposure"].tolist() == kept["gross"].tolist()
        without = store.backtest(name, FIRST, END, conditions={}).portfolios
        assert without["equity"].tolist() != kept["equity"].tolist()
    other = new_database(base)
    fill(other, home, (FIRST, MIDDLE), (NEXT, END))
    assert fetch(other, STORED) == rows
