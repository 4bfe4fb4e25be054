"""`written_source`: the text of the code that somebody wrote, as it can be run again.

It is a small module: what the code imports, the plain values that it finds by name, and the
functions and classes, each after those that it refers to. What the platform, an extension's package
or an installed package has is imported and not copied. What does not belong here: whether it is the
same code (`source.py`), and running it (`research/stored_source.py`).
"""

import ast
import builtins
import inspect
import math
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType, ModuleType

from quant_platform.strategies.source import functions_of, is_known, names_in

LONGEST_VALUE = 10_000
"""Characters of a value that is written out."""


def written_source(*codes: object) -> str:
    """Return the text of what is no part of the platform or of a package, and of what it refers to.

    What was typed where nobody keeps the text is left out, and so are values that are not plain: a
    frame, an open file. Empty: there is nothing but what is imported.

    Examples
    --------
    >>> from quant_platform.strategies.library.equal_weight import EqualWeight
    >>> written_source(EqualWeight)
    ''
    """
    text = _Text()
    for code in codes:
        text.collect(code)
    if not text.definitions:
        return ""
    beside = ["\n".join(part) for part in (text.imports, text.values) if part]
    return "\n\n".join([*beside, *text.definitions]) + "\n"


def literal(value: object) -> str | None:
    """Write a plain value as Python reads it; None: it is not plain, or very long.

    Examples
    --------
    >>> literal((1, "two", None)), literal(math.inf), literal(object())
    ("(1, 'two', None)", '1e999', None)
    """
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0.0 else "-1e999"
    if not isinstance(value, (str, bytes, int, float, bool, tuple, list, dict, set, type(None))):
        return None
    text = repr(value)
    if len(text) > LONGEST_VALUE:
        return None
    try:
        same = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return text if type(same) is type(value) and same == value else None


@dataclass
class _Text:
    """What was collected; each part once, in the order in which it is needed."""

    imports: dict[str, None] = field(default_factory=dict)
    values: dict[str, None] = field(default_factory=dict)
    definitions: dict[str, None] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def collect(self, code: object) -> None:
        """Take a function or class, and what it refers to."""
        while isinstance(code, partial):
            code = code.func
        if not isinstance(code, (FunctionType, type)) or id(code) in self.seen or is_known(code):
            return
        self.seen.add(id(code))
        source = ""
        with suppress(OSError, TypeError):
            source = textwrap.dedent(inspect.getsource(code)).strip("\n")
        for name, value in _referred(code, source):
            if value is not code:
                self._take(name, value)
        if source:
            self.definitions.setdefault(source)
        if source and isinstance(code, FunctionType):
            for name, value in vars(code).items():
                if name.isidentifier() and (text := literal(value)) is not None:
                    self.definitions.setdefault(f"{code.__name__}.{name} = {text}")

    def _take(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType):
            self.imports.setdefault(f"import {value.__name__} as {name}")
        elif isinstance(value, (FunctionType, type)) and not is_known(value):
            self.collect(value)
            if value.__name__ != name and name.isidentifier():
                self.definitions.setdefault(f"{name} = {value.__name__}")
        elif (text := literal(value)) is not None:
            self.values.setdefault(f"{name} = {text}")
        else:
            self._import(name, value)
            # A feature of a notebook is an object that holds its function.
            self.collect(getattr(value, "function", None))

    def _import(self, name: str, value: object) -> None:
        """Import a function, class or object that a module has by a name of its own."""
        module = getattr(value, "__module__", None)
        own = getattr(value, "__qualname__", "")
        if not isinstance(module, str) or module == "__main__" or not own.isidentifier():
            return
        if getattr(sys.modules.get(module), own, None) is value:
            self.imports.setdefault(f"from {module} import {own} as {name}")


def _referred(code: FunctionType | type, source: str) -> Iterator[tuple[str, object]]:
    """Yield what code finds by name, in its functions and where they are defined."""
    found: dict[str, object] = {}
    written = _names_of(source)
    for function in functions_of(code):
        names = names_in(function.__code__) | written
        found.update(_known_as(names, function.__globals__))
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            with suppress(ValueError):  # not filled yet
                found[name] = cell.cell_contents
    if isinstance(code, type):
        found.update(_known_as(written, vars(sys.modules.get(code.__module__, builtins))))
    for name in sorted(found):
        yield name, found[name]


def _known_as(names: set[str], known: "dict[str, object]") -> dict[str, object]:
    return {name: known[name] for name in names if name in known and not name.startswith("__")}


def _names_of(source: str) -> set[str]:
    """Names that a text reads, those of its decorators, bases, defaults and notes among them."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a lambda in the middle of a call
        return set()
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
