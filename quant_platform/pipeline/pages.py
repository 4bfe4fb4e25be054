"""Write the HTML page of a report date: render what is stored, put it in place at once.

What does not belong here: what a page shows (`page_data.py`), the index of all pages (`index.py`),
and PDFs (`printing.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from quant_platform.errors import SessionError
from quant_platform.evaluation.comparison import BEST
from quant_platform.pipeline.index import FACTORS, write_index
from quant_platform.pipeline.page_data import gather
from quant_platform.reports.data import ReportData
from quant_platform.reports.factor_page import last_session
from quant_platform.reports.html import library_name, plotly_script, render_report, sealed_page
from quant_platform.reports.index_page import Entry
from quant_platform.reports.pictures import pictures_of
from quant_platform.reports.sections.section import RESEARCHER
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.files import replace_file
from quant_platform.storage.holdout import refusal, sealed_from


@dataclass(frozen=True)
class Page:
    """A page that was written.

    Attributes
    ----------
    path : its file
    pictures : its key plots as Markdown, by name; none of a sealed session
    """

    path: Path
    pictures: Mapping[str, str] = field(default_factory=dict)


def page_path(settings: Settings, session: str, reader: str = RESEARCHER) -> Path:
    """Where the page of a report date lies; that of another reader has their name in its own."""
    name = session if reader == RESEARCHER else f"{session}-{reader}"
    return settings.home / "reports" / f"{name}.html"


def write_page(
    settings: Settings,
    database: Database,
    session: str,
    *,
    single_file: bool = False,
    reader: str = RESEARCHER,
) -> Page:
    """Render the page of `session` (ISO date) in place of an earlier one.

    That of a sealed session says so, and how to open it, and shows nothing.

    The script of its charts lies in a file beside it that all pages share; with `single_file` the
    page holds it, to be passed on. The index of all pages is written with it, and a PDF of the
    earlier page is deleted.

    Parameters
    ----------
    reader : who the page is switched to at first

    Raises
    ------
    SessionError
        No model has figures for that session yet.
    """
    path = page_path(settings, session, reader)
    path.parent.mkdir(parents=True, exist_ok=True)
    sealed = sealed_from(database)
    if sealed is not None:
        _seal(path.parent, sealed)
        if session >= sealed.isoformat():
            replace_file(path, sealed_page(session, str(refusal(sealed))).encode())
            write_index(path.parent, database, sealed)
            return Page(path)
    library = "" if single_file else library_name()
    data = gather(settings, database, session)
    text = render_report(data, library, reader)
    if library and not (path.parent / library).exists():
        replace_file(path.parent / library, plotly_script().encode())
    replace_file(path, text.encode())
    # What was printed of the earlier page may say something else.
    path.with_suffix(".pdf").unlink(missing_ok=True)
    write_index(path.parent, database, sealed, _entry(data, session))
    return Page(path, pictures_of(data))


def _entry(data: ReportData, session: str) -> Entry:
    """What the index says of a page; its row of `performance_reports` may not be stored yet."""
    best = data.ranking.loc[data.ranking["standing"] == BEST, "model_name"]
    return Entry(
        session,
        f"{session}.html",
        best=tuple(best.astype(str)),
        summary=data.summary,
        alerts=int((data.alerts["origin"] == "report").sum()),
    )


def seal_pages(settings: Settings, database: Database, first: date) -> None:
    """Put a page that shows nothing in place of each page of a sealed session, and say so.

    PDFs of such sessions are deleted, and the index shows nothing of them.
    """
    folder = settings.home / "reports"
    _seal(folder, first)
    if folder.exists():
        write_index(folder, database, first)


def _seal(folder: Path, first: date) -> None:
    for path in folder.glob("????-??-??*.html"):
        if path.stem[:10] >= first.isoformat():
            replace_file(path, sealed_page(path.stem[:10], str(refusal(first))).encode())
    for path in (folder / FACTORS).glob("*.html"):
        if last_session(path.read_text()) >= first.isoformat():
            replace_file(path, sealed_page(path.stem, str(refusal(first))).encode())
    for path in folder.glob("????-??-??*.pdf"):
        if path.stem[:10] >= first.isoformat():
            path.unlink(missing_ok=True)


def newest_report_date(database: Database) -> str:
    """Newest session with figures that is not sealed, as ISO date.

    Raises
    ------
    SessionError
        There are none yet.
    """
    newest = bulk.query(
        database,
        "SELECT max(date)::text AS date FROM model_performance"
        " WHERE date < coalesce(holdout_session(), 'infinity')",
    )["date"].iloc[0]
    if pd.isna(newest):
        raise SessionError("There is nothing to report on yet", "Run: quant-platform demo")
    return str(newest)
