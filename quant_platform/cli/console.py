"""Two consoles, and the tables and lines that commands print.

Answers go to stdout, everything else to stderr.
"""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def failure(message: str, hint: str) -> None:
    """Print one line that says what is wrong, and what to do."""
    remedy = f" [dim]{escape(hint)}[/dim]" if hint else ""
    end = "." if remedy and not message.endswith((".", "!", "?")) else ""
    err.print(f"[bold red]error:[/bold red] {escape(message)}{end}{remedy}", soft_wrap=True)


def table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns whose cells are all numbers stand right."""
    body = [[str(cell) for cell in row] for row in rows]
    grid = Table(
        title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False
    )
    for index, header in enumerate(headers):
        numeric = bool(body) and all(_is_number(row[index]) for row in body)
        grid.add_column(header, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        grid.add_row(*(escape(cell) for cell in row))
    out.print(grid)


def rows(headers: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """Print rows as a table, or, where they are wider than the screen, one line per value."""
    needed = [
        max([len(header), *(len(row[index]) for row in body)])
        for index, header in enumerate(headers)
    ]
    if sum(needed) + 2 * len(needed) <= out.width or not body:
        table("", headers, body)
        return
    margin = max(len(header) for header in headers)
    for number, row in enumerate(body, start=1):
        out.print(f"[dim]row {number}[/dim]")
        for header, cell in zip(headers, row, strict=True):
            out.print(f"  [bold]{escape(header):{margin}}[/bold]  {escape(cell)}", soft_wrap=True)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).replace("%", "").strip(
        "-+ –"
    ).isdigit() or text in ("", "–")
