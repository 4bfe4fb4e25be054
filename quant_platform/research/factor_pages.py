"""A page per factor in the folder of the reports, and one that lists them.

What does not belong here: how a page looks (`reports/factor_page.py`).
"""

from html import escape
from pathlib import Path

from quant_platform.reports.factor_page import factors_page
from quant_platform.reports.html import library_name, plotly_script
from quant_platform.research.factor_result import FactorStudies
from quant_platform.storage.files import replace_file

FOLDER = "factors"
"""Folder of the pages, in that of the reports."""

MOST_DRAWN = 60
"""Factors up to which the correlations between them are drawn."""


def write_factor_pages(studies: FactorStudies, reports: Path) -> Path:
    """Write a page for each factor, and the list of them, whose path is returned.

    The script of the charts lies in the folder of the reports, whose pages share it.

    Parameters
    ----------
    reports : folder of the reports
    """
    folder, library = reports / FOLDER, library_name()
    folder.mkdir(parents=True, exist_ok=True)
    if not (reports / library).exists():
        replace_file(reports / library, plotly_script().encode())
    beside = f"../{library}"
    links = "<p><a href='index.html'>All factors</a></p>"
    for name, study in studies.items():
        replace_file(folder / f"{name}.html", study.html(beside, links).encode())
    above = "<p><a href='../index.html'>All reports</a></p>"
    names = {each.stem for each in folder.glob("*.html")} - {*studies, "index"}
    if names:
        others = ", ".join(
            f"<a href='{name}.html'>{name}</a>" for name in sorted(map(escape, names))
        )
        above += f"<p>Written earlier: {others}</p>"
    figure = studies.plot() if 1 < len(studies) <= MOST_DRAWN else None
    path = folder / "index.html"
    text = factors_page(studies.summary, figure, studies.last_session, beside, above)
    replace_file(path, text.encode())
    return path
