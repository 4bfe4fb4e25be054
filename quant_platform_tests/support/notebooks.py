"""Runs the cells of a notebook in this process, and keeps what they show.

`python -m quant_platform_tests.support.notebooks examples/*.ipynb`, in a project with data, writes
their outputs into the files. No kernel is started: a cell is code whose last expression is shown.
"""

import ast
import contextlib
import io
import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Output = dict[str, Any]


def cells_of(path: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def run_notebook(path: Path) -> Iterator[tuple[str, list[Output]]]:
    """Yield the source and the outputs of each cell of code, in the order of the notebook."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    codes = ("".join(c["source"]) for c in cells_of(path) if c["cell_type"] == "code")
    for number, source in enumerate(codes, start=1):
        yield source, list(_run_cell(source, f"<{path.stem} cell {number}>", number, namespace))


def _run_cell(source: str, name: str, number: int, namespace: dict[str, Any]) -> Iterator[Output]:
    # With it, `inspect` finds the source of what a cell defines.
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said, shown = io.StringIO(), None
    with contextlib.redirect_stdout(said):
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102 - our own notebooks
        if isinstance(last, ast.Expr):
            shown = eval(  # noqa: S307 - the same
                compile(ast.Expression(last.value), name, "eval"), namespace
            )
    if said.getvalue():
        text = said.getvalue().splitlines(keepends=True)
        yield {"output_type": "stream", "name": "stdout", "text": text}
    if shown is not None:
        yield {
            "output_type": "execute_result",
            "execution_count": number,
            "metadata": {},
            "data": dict(_forms(shown)),
        }


def _forms(shown: object) -> Iterator[tuple[str, list[str]]]:
    html = getattr(shown, "_repr_html_", None)
    if callable(html):
        yield "text/html", str(html()).splitlines(keepends=True)
    yield "text/plain", repr(shown).splitlines(keepends=True)


def write_outputs(path: Path) -> None:
    """Run a notebook and write what its cells show into it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    done = enumerate(zip(codes, run_notebook(path), strict=True), start=1)
    for number, (cell, (_, outputs)) in done:
        cell["execution_count"], cell["outputs"] = number, outputs
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write_outputs(Path(argument))
