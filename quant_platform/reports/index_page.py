"""The index of all reports: a line per page, the newest first.

What does not belong here: which pages there are, and when it is written (`pipeline/index.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from quant_platform.reports.formats import counted
from quant_platform.reports.html import environment

PAGE = "index.html"
"""Name of the file, beside the pages."""


@dataclass(frozen=True)
class Entry:
    """A page of the index.

    Attributes
    ----------
    session : ISO date
    page : name of its file
    others : further files of the session, such as a PDF: label → name of the file
    best : the models that cannot be told from the best
    summary : the report in a few sentences
    alerts : number of alerts; None: unknown
    is_sealed : whether the session belongs to the hold-out; then nothing else of it is shown
    """

    session: str
    page: str
    others: tuple[tuple[str, str], ...] = ()
    best: tuple[str, ...] = ()
    summary: str = ""
    alerts: int | None = None
    is_sealed: bool = False

    @property
    def alert_text(self) -> str:
        """The number of alerts in words."""
        if self.alerts is None:
            return ""
        return counted(self.alerts, "alert") if self.alerts else "no alerts"


def index_page(entries: Sequence[Entry]) -> str:
    """Render the index; the same entries give the same bytes.

    Parameters
    ----------
    entries : in any order
    """
    ordered = sorted(entries, key=lambda each: each.session, reverse=True)
    return str(environment().get_template("index.html.j2").render(entries=ordered))
