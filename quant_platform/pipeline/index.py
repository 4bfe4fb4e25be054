"""The index of all reports, written with each page.

1. Which pages there are is what lies in the folder of the reports; what each says is read of
   `performance_reports`, but for the page just written, whose row may not be stored yet.
2. Whoever writes it holds a lock on the folder from reading to writing, so that of two pages
   written at once neither is missing; a reader sees the old index or the new.

What does not belong here: how it looks (`reports/index_page.py`).
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from quant_platform.evaluation.comparison import BEST
from quant_platform.reports.factor_page import page as plain_page
from quant_platform.reports.index_page import PAGE, Entry, index_page
from quant_platform.reports.sections.section import READERS
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.files import replace_file

FACTORS = "factors"
"""Folder of the pages of factors (`research/factor_pages.py`)."""

SESSION_PAGE = "????-??-??.html"
"""Pattern of the pages that the index lists."""

_SAID = """
SELECT date::text AS session, ranking::text AS ranking, summary, alert_count
FROM performance_reports WHERE date = ANY ($1::text::date[])
"""


def write_index(
    folder: Path, database: Database, sealed: date | None, written: Entry | None = None
) -> Path:
    """Write the index of the pages in a folder, and return its path.

    Parameters
    ----------
    sealed : first session of the hold-out; None: there is none
    written : what the page just written says
    """
    with _locked(folder):
        _keep_factor_page(folder / FACTORS / PAGE)
        pages = sorted(folder.glob(SESSION_PAGE))
        open_ones = [each.stem for each in pages if sealed is None or each.stem < f"{sealed}"]
        said = _said(database, open_ones)
        if written is not None and written.session in open_ones:
            said[written.session] = written
        entries = [
            _with_files(said.get(page.stem, Entry(page.stem, page.name)), folder)
            if page.stem in open_ones
            else Entry(page.stem, page.name, is_sealed=True)
            for page in pages
        ]
        replace_file(folder / PAGE, index_page(entries).encode())
    return folder / PAGE


def _keep_factor_page(path: Path) -> None:
    """Say how the pages of factors are written, unless they are there: the index links to them."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "<p>Write the pages with: <code>quant-platform factors --pages</code></p>"
        replace_file(path, plain_page("Factors", text).encode())


def _said(database: Database, sessions: list[str]) -> dict[str, Entry]:
    """What the stored reports of some sessions say."""
    rows = bulk.query(database, _SAID, ("{" + ",".join(sessions) + "}",))
    return {
        str(row["session"]): Entry(
            str(row["session"]),
            f"{row['session']}.html",
            best=best_of(json.loads(str(row["ranking"]))),
            summary=str(row["summary"]),
            alerts=int(row["alert_count"]),
        )
        for row in rows.to_dict("records")
    }


def best_of(ranking: list[dict[str, object]]) -> tuple[str, ...]:
    """Names of the models that cannot be told from the best."""
    return tuple(str(row["model_name"]) for row in ranking if row.get("standing") == BEST)


def _with_files(entry: Entry, folder: Path) -> Entry:
    """The entry with the further files of its session."""
    names = [(reader, f"{entry.session}-{reader}.html") for reader in READERS]
    names += [
        (label, f"{entry.session}{part}.pdf")
        for label, part in (("PDF", ""), *((f"PDF, {each}", f"-{each}") for each in READERS))
    ]
    others = tuple((label, name) for label, name in names if (folder / name).exists())
    return Entry(
        entry.session, entry.page, others, entry.best, entry.summary, entry.alerts, entry.is_sealed
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else writes the index of the folder meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
