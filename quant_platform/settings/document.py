"""`.env.example` and the settings page, written from the models of settings.

Pure functions of models to text; `quant_platform/cli/settings_files.py` knows which models there
are and writes the files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from pydantic.fields import FieldInfo

from quant_platform.settings.model import SettingsModel, Variable, form_of, variables

WIDTH = 120
"""Characters in a line of the example file."""

_HEAD = """\
# Written by `make settings` from the settings in the code.
# Copy to .env and change what you need. A variable of the environment wins over the same name in
# .env. A commented line shows the default; without a .env everything has one.
"""

_PAGE = """\
# Settings

Read from the environment and from `.env` in the project's folder; the environment wins. An empty
value is no value: the default holds. [.env.example](../.env.example) is a file to begin with. This
page is written by `make settings` from the settings in the code.
"""


@dataclass(frozen=True)
class Entry:
    """A setting as a reader meets it.

    Attributes
    ----------
    group : title it stands under
    names : its variables, the one that counts first
    form : what a value must be
    default : as it is written in `.env`; empty where there is none
    shown : value in the example file
    description : what it is for
    """

    group: str
    names: Sequence[str]
    form: str
    default: str
    shown: str
    description: str


def entries(model: type[SettingsModel]) -> list[Entry]:
    """Return the settings of a model, in the order of its fields."""
    return [
        _entry(model.model_fields[field], variable) for field, variable in variables(model).items()
    ]


def example_text(settings: Sequence[Entry]) -> str:
    """Return the text of `.env.example`."""
    return "\n".join([_HEAD.rstrip(), *_example_lines(settings)]) + "\n"


def page_text(settings: Sequence[Entry]) -> str:
    """Return the text of docs/settings.md, with a table for each group."""
    lines = [_PAGE.rstrip()]
    for group, members in groupby(settings, lambda entry: entry.group):
        lines += ["", f"## {group}", "", "| variable | value | default | meaning |"]
        lines += ["|---|---|---|---|", *(_row(entry) for entry in members)]
    return "\n".join(lines) + "\n"


def _entry(field: FieldInfo, variable: Variable) -> Entry:
    default = _written(field.default)
    return Entry(
        variable.group,
        variable.names,
        form_of(field).description,
        default,
        default or variable.example,
        field.description or "",
    )


def _written(value: object) -> str:
    """Return a default as it is written in `.env`."""
    if value is None or value == ():
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str | int | Path):
        return str(value)
    if isinstance(value, tuple):
        return ", ".join(_written(each) for each in value)
    raise TypeError(f"There is no way to write the default {value!r}")


def _example_lines(settings: Sequence[Entry]) -> Iterator[str]:
    for group, members in groupby(settings, lambda entry: entry.group):
        yield ""
        yield f"# --- {group} ".ljust(WIDTH, "-")
        for entry in members:
            yield ""
            text = f"{entry.description} {_sentence(entry)}".replace("`", "").strip()
            for line in wrap(text, WIDTH - 2, break_on_hyphens=False, break_long_words=False):
                yield f"# {line}"
            for name in entry.names:
                yield f"# {name}={entry.shown}"


def _sentence(entry: Entry) -> str:
    """Say what a value must be, where there is more to say than that it is a text."""
    return "" if entry.form == "text" else f"{entry.form[0].upper()}{entry.form[1:]}."


def _row(entry: Entry) -> str:
    names = " or ".join(f"`{name}`" for name in entry.names)
    default = f"`{entry.default}`" if entry.default else "–"
    cells = (names, entry.form, default, entry.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
