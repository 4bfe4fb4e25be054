"""Two consoles, and the tables and lines that commands print.

Answers go to stdout, everything else to stderr.
"""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

SENTENCES = 30
"""Characters of a line in which sentences are still easy to read."""


def failure(message: str, hint: str) -> None:
    """Print one line that says what is wrong, and what to do."""
    remedy = f" [dim]{escape(hint)}[/dim]" if hint else ""
    end = "." if remedy and not message.endswith((".", "!", "?")) else ""
    err.print(f"[bold red]error:[/bold red] {escape(message)}{end}{remedy}", soft_wrap=True)


def table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or, where it is wider than the screen, one line per value.

    Columns whose cells are all numbers stand right. A last column of sentences is wrapped.
    """
    body = [[str(cell) for cell in row] for row in rows]
    widths = [
        max([len(header), *(len(row[index]) for row in body)])
        for index, header in enumerate(headers)
    ]
    if body and any(" " in row[-1] for row in body):
        widths[-1] = min(widths[-1], SENTENCES)
    if body and sum(widths) + 2 * (len(widths) - 1) > out.width:
        _lines(title, headers, body)
        return
    grid = Table(
        title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False
    )
    for index, header in enumerate(headers):
        numeric = bool(body) and all(_is_number(row[index]) for row in body)
        grid.add_column(header, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        grid.add_row(*(escape(cell) for cell in row))
    out.print(grid)


def _lines(title: str, headers: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    if title:
        out.print(f"[italic]{escape(title)}[/italic]", soft_wrap=True)
    margin = max(len(header) for header in headers)
    for number, row in enumerate(body, start=1):
        out.print(f"[dim]row {number}[/dim]")
        for header, cell in zip(headers, row, strict=True):
            out.print(f"  [bold]{escape(header):{margin}}[/bold]  {escape(cell)}", soft_wrap=True)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).replace("%", "").strip(
        "-+ –"
    ).isdigit() or text in ("", "–")
