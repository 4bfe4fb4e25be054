"""Strategies from the source that is stored with a trial, run only by who consents to it.

The text comes from the database, and running it has all rights of the platform. It is taken only

1. if it holds nothing but imports, plain values, functions and classes: no call stands at its top;
2. if what it gives has the digest that the trial has (`restoring.py` compares it).

The features of a notebook that it defines are known while it is used, and no others. What does not
belong here: how the text was written (`strategies/source_text.py`).
"""

import __future__

import ast
import hashlib
import linecache
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

from quant_platform.errors import QuantPlatformError, SettingsError
from quant_platform.features.feature_registry import (
    Feature,
    notebook_features,
    take_notebook_features,
)
from quant_platform.isolation import reason_of
from quant_platform.strategies.base import Strategy

LOADED = "quant_platform_stored_"
"""Beginning of the name of a module that was made of a stored text."""


@contextmanager
def stored_strategy(source: str, name: str, registered: object = None) -> Iterator[Any]:
    """Yield the function or class of a stored text that a trial is called after.

    Parameters
    ----------
    name : of the function, or of the strategy
    registered : what has that name without it; the text may be of features alone

    Raises
    ------
    SettingsError
        The text is none of a strategy, or holds something else; nothing of it was run then, or
        what was run raised.
    """
    module = _module(source)
    written = [each for each in vars(module).values() if isinstance(each, Feature)]
    with only_features(written):
        yield _named(module, name, registered)


@contextmanager
def only_features(written: Iterable[Feature]) -> Iterator[None]:
    """Know these features of a notebook, and no others."""
    before = notebook_features()
    take_notebook_features(written)
    try:
        yield
    finally:
        take_notebook_features(before)


def _module(source: str) -> ModuleType:
    """Run a text as a module of its own."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    module, file = ModuleType(f"{LOADED}{digest}"), f"<stored source {digest}>"
    tree = _definitions(source)
    module.__file__ = file
    # What is read by `inspect`, so that a class has the digest that it had.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[module.__name__] = module
    try:
        try:
            _run(tree, file, module)
        except NameError:  # a note of a type may name what nobody has, and is not needed
            _run(tree, file, module, _NOTES)
    except QuantPlatformError:
        raise
    except Exception as error:
        raise SettingsError(
            f"The stored source cannot be run: {reason_of(error)}",
            "Pass the strategy itself: store.reproduce(trial, strategy=…)",
        ) from error
    return module


def _run(tree: ast.Module, file: str, module: ModuleType, flags: int = 0) -> None:
    code = compile(tree, file, "exec", flags=flags, dont_inherit=True)
    exec(code, vars(module))  # noqa: S102 — consented to


_NOTES = __future__.annotations.compiler_flag
"""Notes of types stay text."""


def _definitions(source: str) -> ast.Module:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise SettingsError(
            f"The stored source is no Python that can be run: {error.msg}, line {error.lineno}",
            "It was a part of a statement, such as a lambda: pass the strategy itself",
        ) from None
    for statement in tree.body:
        if not _is_definition(statement):
            raise SettingsError(
                f"Line {statement.lineno} of the stored source is no definition:"
                f" {ast.unparse(statement)[:60]}",
                "Nothing of it was run. Pass the strategy itself: store.reproduce(trial,"
                " strategy=…)",
            )
    return tree


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        if not all(isinstance(each, (ast.Name, ast.Attribute)) for each in statement.targets):
            return False
        if isinstance(statement.value, (ast.Name, ast.Lambda)):
            return True
        try:
            ast.literal_eval(statement.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return False
        return True
    return isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


def _named(module: ModuleType, name: str, registered: object) -> Any:
    own = [
        each
        for each in vars(module).values()
        if getattr(each, "__module__", None) == module.__name__
    ]
    for each in own:
        if isinstance(each, FunctionType) and each.__name__ == name:
            return each
        if isinstance(each, type) and issubclass(each, Strategy) and each.name == name:
            return each
    if registered is not None:
        return registered
    raise SettingsError(
        f"The stored source has no strategy {name}", "Pass it: store.reproduce(trial, strategy=…)"
    )
