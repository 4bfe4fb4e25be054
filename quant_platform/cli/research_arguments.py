"""What commands that run strategies are given: names, sessions, parameters and their values.

What does not belong here: the commands (`research.py`, `validation.py`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant_platform.cli import console
from quant_platform.errors import SettingsError

if TYPE_CHECKING:
    from quant_platform.research.store import Store

Name = Annotated[str, typer.Argument(help="A strategy; see: quant-platform list strategies")]
Traded = Annotated[str, typer.Argument(help="A strategy, model or book.")]
Start = Annotated[str, typer.Option(help="First session, YYYY-MM-DD.")]
End = Annotated[str, typer.Option(help="Last session, YYYY-MM-DD.")]
InStudy = Annotated[
    str | None, typer.Option("--study", help="Count it in this study; default: one of the day.")
]
KnownAt = Annotated[
    str | None,
    typer.Option(help="On what was known at this moment, as 2024-03-01T22:00Z."),
]
TOGETHER = {"ignore_unknown_options": False, "allow_extra_args": True}
"""Further words of a command belong to the option before them."""


def store_as_of(known_at: str | None) -> "Store":
    """Open the store, as it was known at a moment if one is named."""
    from quant_platform.research.store import open_store

    store = replace(open_store(), origin="command")
    return store if known_at is None else store.at(known_at)


def in_study(name: str | None) -> "AbstractContextManager[object]":
    """Count what is run in a study; None: in that of the day."""
    from quant_platform.research.study import study

    return nullcontext() if name is None else study(name)


def warn(warning: str) -> None:
    """Say what a reader of a result must know."""
    if warning:
        console.err.print(warning, soft_wrap=True, markup=False)


def pairs_of(
    given: Sequence[str] | None, more: Sequence[str], option: str
) -> list[tuple[str, str]]:
    """Names and values of an option that takes several words."""
    words = [*(given or ()), *more]
    if more and not given:
        raise typer.BadParameter(f"What is {more[0]!r}? Parameters come after {option}")
    pairs = []
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or not value:
            raise typer.BadParameter(f"{word!r} is no parameter; write {option} name=value")
        pairs.append((key.strip(), value.strip()))
    twice = sorted({key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1})
    if twice:
        raise typer.BadParameter(f"The parameter {twice[0]} is given twice")
    return pairs


def several(key: str, text: str, *, is_sample: bool) -> Any:
    """Values of a parameter; of a sample, a range from one to another."""
    low, dots, high = text.partition("..")
    if dots:
        if not is_sample:
            raise SettingsError(f"{key}={text} is a range", "Give --sample, or a list of values")
        return one_value(key, low), one_value(key, high)
    return [one_value(key, part) for part in text.split(",")]


def one_value(key: str, text: str) -> Any:
    """Read a value as a person writes it: a number, true or false, or a word."""
    plain = text.strip()
    if not plain:
        raise SettingsError(f"A value of {key} is empty", "Write --grid name=1,2")
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    for kind in (int, float):
        try:
            return kind(plain)
        except ValueError:
            continue
    return plain


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)
