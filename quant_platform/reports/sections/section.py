"""What a section of a page is, and what it shows.

A section is declared once (`Section`): its key and title, who it is for, which rows it asks the
database for, and a function that makes its `Content` of a page's data. It is one file and one entry
in `order.py`. A section without data says so in one sentence, and to the readers of `tells_absence`
only; the others do not see it. What does not belong here: how it looks (`templates/`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from quant_platform.reports.charts import Chart
from quant_platform.reports.data import BACKTEST, PERFORMANCE, ReportData

MANAGER, RESEARCHER, RISK = "manager", "researcher", "risk"

READERS = (MANAGER, RESEARCHER, RISK)
"""Who a page is for; its switch shows them in this order. A researcher sees every section."""

EVERYBODY = frozenset(READERS)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    header : its name
    is_text : whether it is text, which stands at the left
    about : what it is, shown under the pointer; empty: the header says it
    """

    header: str
    is_text: bool = False
    about: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table, as text.

    Attributes
    ----------
    text : what it says
    tone : `gain`, `loss`, `soft`, `bad`, `meh`, `ok` or nothing
    model : id of the model whose colour stands before it; None: none
    below : a second, softer line; empty: none
    link : where the text leads, from the page's folder; empty: nowhere
    """

    text: str
    tone: str = ""
    model: int | None = None
    below: str = ""
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    caption : what it shows, for who cannot see it; shown as a heading where `shows_caption`
    columns : its columns; the first holds each row's name
    rows : a cell per column each; plain text is a cell too
    note : a sentence below it
    shows_caption : whether the caption is a heading
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    note: str = ""
    shows_caption: bool = False

    @property
    def lines(self) -> list[list[Cell]]:
        """The rows, every cell a `Cell`."""
        return [
            [each if isinstance(each, Cell) else Cell(each) for each in row] for row in self.rows
        ]


@dataclass(frozen=True)
class Pane:
    """Tables and charts of which a page shows one pane at a time, by a button."""

    label: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Content:
    """What a section shows, in this order.

    Attributes
    ----------
    sentences : what the section says, in words
    charts, tables : pictures and tables
    template : name of a template of its own in `templates/sections/`; empty: none
    values : what that template reads, by name
    panes : tables and charts by model, or by window
    notes : how to read it
    is_absent : whether there is no data: the sentences say why
    is_framed : whether the page draws a card around it; its template may draw its own
    """

    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    panes: tuple[Pane, ...] = ()
    notes: tuple[str, ...] = ()
    is_absent: bool = False
    is_framed: bool = True

    @property
    def drawn(self) -> list[Chart]:
        """All charts, those of panes included."""
        return [*self.charts, *(each for pane in self.panes for each in pane.charts)]


def absent(sentence: str) -> Content:
    """Content of a section without data: why there is none."""
    return Content(sentences=(sentence,), is_absent=True)


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes
    ----------
    key : its name in the page and in links, unique
    title : its heading
    readers : who it is for
    build : makes its content of a page's data; None: the page leaves the section out
    queries : what it needs beside the common frames: name → SQL that reads, with the session as
        `$1::text::date`. The rows are `data.frame(name)`; those with a column `model_id` are of the
        page's models. A backtest's page has no database: `backtest_page.py` may make such a frame
    tells_absence : readers who are told that there is no data
    pages : kinds of page that it stands on
    """

    key: str
    title: str
    readers: frozenset[str]
    build: Callable[[ReportData], Content | None]
    queries: Mapping[str, str] = field(default_factory=dict)
    tells_absence: frozenset[str] = EVERYBODY
    pages: frozenset[str] = frozenset({PERFORMANCE, BACKTEST})

    def shown_to(self, content: Content) -> tuple[str, ...]:
        """Readers who see this content, in the order of `READERS`."""
        seen = self.readers & self.tells_absence if content.is_absent else self.readers
        return tuple(each for each in READERS if each in seen)
