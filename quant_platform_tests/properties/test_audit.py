"""An audit proves what is right and refutes what is not, with the place where it first shows."""

import itertools
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.features import feature_registry
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.market.panel import Panel
from quant_platform.research.audit import Audit
from quant_platform.research.comparison import first_difference
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.strategies.book import Book
from quant_platform_tests.support.pipeline import FIRST, LAST
from quant_platform_tests.support.services import COMMAND, environment

LOOK_AHEAD, ANY_CUT, AGAIN, STORED = (
    *("no look-ahead", "any cut"),
    *("the same again", "as stored"),
)


def broken(audit: Audit) -> set[tuple[str, str]]:
    table = audit.table
    return set(zip(*(table[~table["holds"]][name] for name in ("subject", "law")), strict=True))


@pytest.fixture
def store(whole: Database) -> Store:
    return Store(whole)


def test_what_the_platform_has_is_proved(store: Store) -> None:
    audit = store.audit(start=FIRST, end=LAST)
    assert audit.holds, audit.table.to_string()
    table = audit.table
    assert set(table["law"]) == {LOOK_AHEAD, ANY_CUT, AGAIN, STORED}
    # Features; signals, portfolio and figures of four models.
    assert table["subject"].nunique() == 1 + 4 * 3
    assert (table["compared"] > 0).all()


def test_a_strategy_that_peeks_is_refuted_with_session_symbol_and_value(store: Store) -> None:
    """It holds what closes higher in the next session; of the last one it knows nothing."""

    def clairvoyant(panel: Panel) -> np.ndarray:
        later = np.vstack((panel.close[1:], panel.close[-1:]))
        return np.where(panel.member & (later > panel.close), 0.2, 0.0)

    audit = store.audit(clairvoyant, "2004-12-01", "2004-12-10")
    assert broken(audit) == {("signals of clairvoyant", law) for law in (LOOK_AHEAD, ANY_CUT)}
    closes = store.bars("2004-12-01", "2004-12-10").pivot_table("close_price", "date", "symbol")
    rises = (closes.shift(-1) > closes).to_numpy()
    # The sessions with which the history ends are all of the eight.
    at, column = np.argwhere(rises)[0]
    day, symbol = closes.index[at], closes.columns[column]
    (where,) = audit.table.query("subject == 'signals of clairvoyant' and law == @LOOK_AHEAD")[
        "first_difference"
    ]
    assert where == (
        f"{day:%Y-%m-%d} {symbol} signal_type: 1 on the whole history, 0 where the history ends"
        f" with {day:%Y-%m-%d}"
    )


def test_features_that_peek_or_look_back_too_far_are_refuted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each where it first shows; a look-back is held for a few sessions more than it states."""

    @feature(lookback=1, inputs=("close",))
    def tomorrow(context: FeatureContext) -> np.ndarray:
        """Close of the next session."""
        return np.vstack((context.close[1:], context.close[-1:]))

    @feature(lookback=1, inputs=("close",))
    def summed(context: FeatureContext) -> np.ndarray:
        """Sum of 60 closes, which says that it needs one."""
        before = np.cumsum(np.nan_to_num(context.close), axis=0)
        before[60:] -= before[:-60].copy()
        return before

    own = (*feature_registry.all_features(), tomorrow, summed)
    monkeypatch.setattr(feature_registry, "all_features", lambda: own)

    def reads(panel: Panel) -> np.ndarray:
        return np.zeros(panel.close.shape)

    for name, laws in {"tomorrow": {LOOK_AHEAD, ANY_CUT}, "summed": {ANY_CUT}}.items():
        reads.features = (name,)  # type: ignore[attr-defined]
        audit = store.audit(reads, FIRST, LAST)
        assert broken(audit) == {("features", law) for law in laws}
        shown = audit.table.query("subject == 'features' and law == @ANY_CUT")["first_difference"]
        assert f" {name}: " in shown.iloc[0]


def test_a_mean_over_the_whole_panel_is_refuted(store: Store) -> None:
    def relative(panel: Panel) -> np.ndarray:
        high = panel.close > np.nansum(panel.close, axis=0) / len(panel.close)
        return np.where(panel.member & high, 0.1, 0.0)

    found = broken(store.audit(relative, FIRST, LAST))
    assert ("signals of relative", LOOK_AHEAD) in found


def test_a_look_back_that_is_not_declared_is_refuted(store: Store) -> None:
    """It sees ten sessions, and says that it needs one."""

    def forgetful(panel: Panel) -> np.ndarray:
        before = np.full(panel.close.shape, np.nan)
        before[9:] = panel.close[:-9]
        return np.where(panel.member & (panel.close > before), 0.1, 0.0)

    forgetful.lookback = 1  # type: ignore[attr-defined]
    assert broken(store.audit(forgetful, FIRST, LAST)) == {("signals of forgetful", ANY_CUT)}
    forgetful.lookback = 10  # type: ignore[attr-defined]
    assert store.audit(forgetful, FIRST, LAST).holds


def test_another_answer_each_time_is_refuted(store: Store) -> None:
    calls = itertools.count()

    def moody(panel: Panel) -> np.ndarray:
        return np.where(panel.member, 0.01 * (next(calls) % 7), 0.0)

    assert ("signals of moody", AGAIN) in broken(store.audit(moody, FIRST, "2004-08-31"))


def test_what_raises_at_the_end_of_a_history_is_refuted_with_its_reason(store: Store) -> None:
    def strict(panel: Panel) -> np.ndarray:
        if panel.sessions[-1] != np.datetime64("2004-12-31"):
            raise IndexError("no next session")
        return np.where(panel.member, 0.1, 0.0)

    strict.features = ()  # type: ignore[attr-defined]
    audit = store.audit(strict, "2004-12-20", LAST)
    (where,) = audit.table.query("subject == 'signals of strict' and law == @LOOK_AHEAD")[
        "first_difference"
    ]
    assert where.startswith("IndexError: no next session")
    assert where.endswith("where the history ends with 2004-12-20")


def test_a_book_is_audited_with_its_members(store: Store) -> None:
    def half(panel: Panel) -> np.ndarray:
        return np.where(panel.member, 0.1, 0.0)

    def early(panel: Panel) -> np.ndarray:
        later = np.vstack((panel.close[1:], panel.close[-1:]))
        return np.where(panel.member & (later > panel.close), 0.2, 0.0)

    members = {"half": half, "held": "buy_and_hold"}
    book = Book("mix", members, "inverse_volatility", lookback=5, every="weekly")
    audit = store.audit(book, "2004-11-15", LAST)
    assert audit.holds, audit.table.to_string()
    parts = ("portfolio of mix", "gains of the members of mix", "figures of mix")
    tried = audit.table[audit.table["subject"].isin(parts)]
    assert (tried["compared"] > 0).all()
    for part in parts:
        assert set(tried[tried["subject"] == part]["law"]) == {LOOK_AHEAD, ANY_CUT, AGAIN}
    refuted = broken(store.audit(Book("mix", {"half": half, "early": early}), "2004-11-15", LAST))
    assert {subject for subject, _ in refuted} == {"signals of early"}


def test_a_book_of_the_settings_is_audited(whole: Database) -> None:
    both = Store(whole, Settings(books="core = equal(buy_and_hold, mean_reversion)"))
    subjects = both.audit("core", "2004-12-20", LAST).table["subject"]
    assert {"signals of mean_reversion", "portfolio of core"} <= set(subjects)
    named = both.audit(["mean_reversion", "core"], "2004-12-20", LAST).table["subject"]
    assert sorted(set(named)) == sorted(set(subjects))


def test_stored_rows_that_the_code_does_not_give_are_refuted(
    computed: Database,
) -> None:
    with computed.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE signals SET target_weight = target_weight / 2 WHERE date = '2004-11-15'"
            " AND symbol = 'IBM' AND target_weight > 0"
        )
        assert cursor.rowcount > 0
    audit = Store(computed).audit(["buy_and_hold", "equal_weight"], "2004-11-01", LAST)
    assert {law for _, law in broken(audit)} == {STORED}
    assert audit.table["first_difference"].str.startswith("2004-11-15 IBM target_weight").any()


def test_rows_that_one_side_lacks(store: Store) -> None:
    one = pd.DataFrame({"date": ["2004-01-02", "2004-01-05"], "value": [1.0, np.nan]})
    assert first_difference(one, one.copy(), ["date"]) is None
    lacking = first_difference(one, one[:1], ["date"])
    assert lacking is not None
    assert (lacking.row, lacking.column, lacking.expected, lacking.found) == (
        {"date": "2004-01-05"},
        "",
        "a row",
        "no row",
    )


PEEKING = """
import numpy as np
import pandas as pd
from quant_platform.market.panel import Panel
from quant_platform.strategies.function import FunctionStrategy


def weights(panel: Panel):
    later = np.vstack((panel.close[1:], panel.close[-1:]))
    return np.where(panel.member & (later > panel.close), 0.2, 0.0)


class Peeking(FunctionStrategy):
    \"\"\"Hold what will have risen.\"\"\"

    name = "peeking"
    version = "1.0.0"

    def __init__(self) -> None:
        super().__init__(weights, ())
        self.name = "peeking"
"""


def test_the_command_says_what_it_compared_and_where_it_differs(
    whole: Database, tmp_path: Path
) -> None:
    """A strategy in a folder of extensions; the exit code tells a script."""
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "peeking.py").write_text(PEEKING)

    def audit(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "audit", "--start", "2004-12-20", *words],
            env=environment(
                tmp_path,
                DATABASE_URL=whole.url,
                QUANT_PLATFORM_EXTENSIONS=str(tmp_path / "extensions"),
            ),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = audit("--model", "buy_and_hold")
    assert done.returncode == 0, done.stderr
    assert "signals of buy_and_hold: as stored" in done.stdout
    assert "hold from 2004-12-20 to 2004-12-31" in done.stdout
    done = audit("--model", "peeking")
    assert done.returncode == 1
    assert "signals of peeking: no look-ahead" in done.stdout
    assert "1 on the whole history, 0 where the history ends with 2004-12-" in done.stdout
    assert done.stderr.startswith("error: 2 of ")
