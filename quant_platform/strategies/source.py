"""`source_digest`: a digest of the code that somebody wrote, and of what it refers to.

The platform's own code has a version (`provenance.py`). A function or class of a notebook has none:
its digest is taken of its instructions, constants and defaults, of what it closes over, and of the
functions, classes and values that it finds by name, likewise. A module that it refers to counts by
its name, and, where it is no installed package, by its file. What cannot be told, such as an open
file, makes the digest one of its own, so that nothing is ever taken for the same.

What the platform, an extension or a package has is known by its name there; `code_digest` tells
whether its own instructions changed.

What does not belong here: the text of code (`source_text.py`), parameters and data (`trials.py`).
"""

import hashlib
import inspect
import pickle
import secrets
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

PLATFORM = "quant_platform"

FOUNDATIONS = frozenset(
    {"abc", "builtins", "quant_platform.strategies.base", "quant_platform.strategies.function"}
)
"""Modules whose classes are the same for all strategies."""


def source_digest(*codes: object) -> str:
    """Return a digest of functions, classes or objects; the same code gives the same.

    Examples
    --------
    >>> source_digest(lambda x: x + 1) == source_digest(lambda x: x + 1)
    True
    >>> source_digest(lambda x: x + 1) == source_digest(lambda x: x + 2)
    False
    """
    digest = hashlib.sha256()
    seen: dict[int, object] = {}
    for code in codes:
        for part in _parts(code, seen):
            digest.update(part)
            digest.update(b"\0")
    return digest.hexdigest()[:16]


def code_digest(*codes: object) -> str:
    """Return a digest of the instructions of functions and classes, without what they refer to.

    Of a class those of its functions, its plain values and what it inherits from outside of the
    platform's foundations (`object`, `Strategy`) are counted.
    """
    digest = hashlib.sha256()
    for code in codes:
        for function in functions_of(code):
            seen: dict[int, object] = {}
            for part in _of_code(function.__code__, seen):
                digest.update(part)
                digest.update(b"\0")
    return digest.hexdigest()[:16]


def functions_of(code: object) -> Iterator[FunctionType]:
    """Yield the functions that something is made of, in the order in which they are written."""
    while isinstance(code, partial):
        code = code.keywords.get("function", code.func)
    if isinstance(code, (staticmethod, classmethod)):
        code = code.__func__
    if isinstance(code, property):
        yield from functions_of(code.fget)
    elif isinstance(code, FunctionType):
        yield code
    elif isinstance(code, type):
        for each in code.__mro__:
            if each.__module__ not in FOUNDATIONS:
                for value in vars(each).values():
                    yield from functions_of(value) if not isinstance(value, type) else ()


def _parts(value: Any, seen: dict[int, object]) -> Iterator[bytes]:
    """What tells a value from another one; of what was met before, that it was."""
    if isinstance(value, (str, bytes, int, float, complex, bool, type(None), range)):
        yield f"{type(value).__name__}:{value!r}".encode()
        return
    if id(value) in seen:
        yield b"again"
        return
    seen[id(value)] = value  # held, so that its number stays its own
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            yield from write(value, seen)
            return
    yield from _of_object(value)


def _of_all(values: Any, seen: dict[int, object]) -> Iterator[bytes]:
    for each in values:
        yield from _parts(each, seen)


def _of_code(code: CodeType, seen: dict[int, object]) -> Iterator[bytes]:
    yield code.co_code
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars)).encode()
    yield from _of_all(code.co_consts, seen)


def _of_function(function: FunctionType, seen: dict[int, object]) -> Iterator[bytes]:
    code = function.__code__
    yield from _of_code(code, seen)
    yield from _of_all((function.__defaults__, function.__kwdefaults__, function.__dict__), seen)
    for cell in function.__closure__ or ():
        try:
            yield from _parts(cell.cell_contents, seen)
        except ValueError:  # not filled yet
            yield b"empty"
    for name in sorted(names_in(code)):
        if name in function.__globals__:
            yield name.encode()
            yield from _parts(function.__globals__[name], seen)


def names_in(code: CodeType) -> set[str]:
    """Return the names that a code looks up, and the functions within it."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return {*code.co_names, *(name for each in inner for name in names_in(each))}


def _of_class(value: type, seen: dict[int, object]) -> Iterator[bytes]:
    """The text of a class, and what its functions refer to."""
    yield value.__qualname__.encode()
    try:
        yield inspect.getsource(value).encode()
    except (OSError, TypeError):  # nobody keeps the text of what was typed into a plain prompt
        plain = (str, bytes, int, float, bool, tuple, type(None))
        stated = {name: each for name, each in vars(value).items() if isinstance(each, plain)}
        yield from _parts({name: stated[name] for name in stated if name != "__module__"}, seen)
    yield from _of_all(value.__bases__, seen)
    for name, each in sorted(vars(value).items()):
        if isinstance(each, (FunctionType, staticmethod, classmethod, property, type)):
            yield name.encode()
            yield from _parts(each, seen)


def is_known(value: Any) -> bool:
    """Whether something has a name in the platform, in Python, or in an installed package."""
    name = getattr(value, "__module__", None)
    # What was made within a function may hold any values: its name does not tell.
    if not isinstance(name, str) or "<" in getattr(value, "__qualname__", "<"):
        return False
    return _is_installed(sys.modules.get(name), name)


def _is_installed(module: ModuleType | None, name: str) -> bool:
    if name == "__main__":  # a notebook's, whatever program it runs in
        return False
    if name == PLATFORM or name.startswith(f"{PLATFORM}."):
        return True
    if name in sys.builtin_module_names or name.split(".")[0] in sys.stdlib_module_names:
        return True
    file = getattr(module, "__file__", None)
    folders = {sysconfig.get_path(each) for each in ("purelib", "platlib")}
    return file is not None and any(Path(file).is_relative_to(folder) for folder in folders)


def _of_module(module: ModuleType, seen: dict[int, object]) -> Iterator[bytes]:
    yield module.__name__.encode()
    file = getattr(module, "__file__", None)
    if file is not None and not _is_installed(module, module.__name__):
        yield Path(file).read_bytes()


def _of_object(value: Any) -> Iterator[bytes]:
    try:
        yield pickle.dumps(value, protocol=4)
    except Exception:  # what cannot be written down cannot be compared
        yield secrets.token_bytes(16)


def _of_named(value: Any, seen: dict[int, object]) -> Iterator[bytes]:
    """A function or class: by its name, where the platform or a package has it."""
    if is_known(value):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    else:
        yield from (_of_class if isinstance(value, type) else _of_function)(value, seen)


def _of_dict(value: Any, seen: dict[int, object]) -> Iterator[bytes]:
    for name in sorted(value, key=repr):
        yield from _of_all((name, value[name]), seen)


_WRITERS: tuple[tuple[Any, Callable[[Any, dict[int, object]], Iterator[bytes]]], ...] = (
    (CodeType, _of_code),
    (ModuleType, _of_module),
    (partial, lambda value, seen: _of_all((value.func, value.args, value.keywords), seen)),
    (MethodType, lambda value, seen: _of_all((value.__func__, value.__self__), seen)),
    ((FunctionType, type), _of_named),
    (dict, _of_dict),
    ((list, tuple), _of_all),
    # In an order that every process has.
    ((set, frozenset), lambda value, seen: _of_all(sorted(value, key=repr), seen)),
    ((staticmethod, classmethod), lambda value, seen: _parts(value.__func__, seen)),
    (property, lambda value, seen: _of_all((value.fget, value.fset), seen)),
)
"""Kinds of values, and what writes them."""
