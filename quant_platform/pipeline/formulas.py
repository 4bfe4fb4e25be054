"""`formula_text`: what a Python text says, apart from how it is written.

Comments, docstrings, blank lines and the layout change no value, so they are no part of it: a
formula that is only explained better makes nothing stale. What does not belong here: whose texts
are taken together (`recipes.py`).
"""

import ast
from collections.abc import Iterator
from functools import lru_cache

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
"""Nodes that may begin with a docstring."""

_NOT_SAID = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of nodes that change no value; `ctx` follows from where a name stands."""


@lru_cache(maxsize=512)
def formula_text(source: str) -> str:
    r"""Return what a module's text says; equal texts compute equal values.

    Fields that are empty are left out, so that it is the same text by every version of Python.

    Raises
    ------
    SyntaxError
        It is no Python.

    Examples
    --------
    >>> formula_text("x = 1  # one") == formula_text("'''Says it.'''\nx = (1)")
    True
    >>> formula_text("x = 1") == formula_text("x = 1.0")
    False
    """
    return "".join(_written(ast.parse(source)))


def _written(node: object) -> Iterator[str]:
    if isinstance(node, list):
        yield "["
        for each in node:
            yield from _written(each)
        yield "]"
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, DOCUMENTED):
                value = _without_docstring(node)
            if name in _NOT_SAID or value is None or value == []:
                # `None` itself is a constant, and said.
                if isinstance(node, ast.Constant) and name == "value":
                    yield " None"
                continue
            yield f" {name}="
            yield from _written(value)
        yield ")"
    else:
        yield repr(node)


def _without_docstring(node: ast.AST) -> list[ast.stmt]:
    body: list[ast.stmt] = getattr(node, "body")  # noqa: B009 — every node of DOCUMENTED has one
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return body[1:] if is_text else body
