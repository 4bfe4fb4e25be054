"""`compiled`: loops over arrays that Numba turns into machine code, and what stands in for Numba.

1. A kernel states the types of its arguments, so that it is compiled once and for nothing else. It
   is not compiled when it is defined: Numba is imported at the first call of a kernel.
2. Machine code is kept in the folder that `cache_in` was told, under a digest of the sources that
   can change it and by processor, so that neither a new version nor another machine meets old code.
   What one process compiles the others wait for. A folder or file that cannot be used costs one
   line and time.
3. Where Numba is missing, the kernel's NumPy version works in its place.
4. Kernels let go of the interpreter's lock and start no threads: threads are for who calls them
   (`threads.py`). So a forked process may call a kernel that its parent has used.

What does not belong here: any kernel.
"""

import fcntl
import hashlib
import importlib
import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache, update_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, get_type_hints

from quant_platform.errors import QuantPlatformError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

CONST = "const "
"""Before a type: an array that the kernel only reads, and that may be read only."""

HERE = Path(__file__).parent
SHARED_SOURCES = (HERE, HERE.parent / "conventions.py")
"""Sources that any kernel may use; beside them, those of its own folder."""

PLAIN = {"_nrt": False, "forceinline": True}
"""Options of kernels that make no array."""

FIELD_TYPES: dict[object, str] = {bool: "boolean", int: "int64", float: "float64"}
"""Types of the plain fields of a NamedTuple."""

COMPILING = "numba:compile"
"""Numba's event of turning a function into machine code; not of reading it from a file."""

_log = logging.getLogger(__name__)
_lock = threading.RLock()
_kernels: "list[Kernel[..., Any]]" = []
_find_folder: Callable[[], Path] | None = None


class Kernel(Generic[Parameters, Result]):
    """A function of arrays, compiled at its first call; see `compiled`."""

    def __init__(
        self,
        function: Callable[Parameters, Result],
        types: tuple[str | type, ...],
        reference: Callable[Parameters, Result] | None,
        plain: bool,
    ) -> None:
        update_wrapper(self, function)
        self.function = cast(FunctionType, function)
        self.types = types
        self.reference = reference or function
        self.plain = plain
        self._run: Callable[Parameters, Result] | None = None
        self._dispatcher: Any = None

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Run the machine code, or the NumPy version where Numba is missing."""
        return (self._run or self.prepare())(*args, **kwargs)

    def prepare(self) -> Callable[Parameters, Result]:
        """Compile the kernel or read its machine code, unless that was done; return what runs."""
        with _lock:
            if self._run is None:
                self._run = self._compiled() if self.types and has_numba() else self.reference
            return self._run

    def _compiled(self) -> Callable[Parameters, Result]:
        types = tuple(_resolved(text) for text in self.types)
        folder = _usable_folder(self.function)
        with _announcing(folder), _alone(folder, self.function.__name__):
            dispatcher = self.dispatcher(folder)
            try:
                dispatcher.compile(types)
            # Numba reads its files with pickle, which raises anything on bytes that are not whole.
            except Exception as error:
                if folder is None or _is_of_compiler(error):
                    raise
                _say_once(
                    f"Compiled kernels in {folder} cannot be used"
                    f" ({type(error).__name__}: {error}); compiling without keeping them."
                    " Delete the folder"
                )
                dispatcher = self.dispatcher(None, anew=True)
                dispatcher.compile(types)
        dispatcher.disable_compile()
        return cast("Callable[Parameters, Result]", dispatcher)

    def dispatcher(self, folder: Path | None, *, anew: bool = False) -> Any:
        """Return Numba's object of the function, which sees those of the kernels it calls."""
        if self._dispatcher is None or anew:
            import numba

            names = self.function.__globals__
            used = {
                name: names[name].dispatcher(None)
                for name in self.function.__code__.co_names
                if isinstance(names.get(name), Kernel)
            }
            function = FunctionType(
                self.function.__code__,
                {**names, **used},
                self.function.__name__,
                self.function.__defaults__,
                self.function.__closure__,
            )
            function.__qualname__ = self.function.__qualname__
            self._dispatcher = numba.njit(
                nogil=True,
                error_model="numpy",
                no_cfunc_wrapper=True,
                no_cpython_wrapper=not self.types,
                **(PLAIN if self.plain else {}),
            )(function)
            if folder is not None:
                _keep_in(folder, self._dispatcher)
        return self._dispatcher


class Decorator(Protocol):
    """Turns a function into a kernel of the same arguments."""

    def __call__(self, function: Callable[Parameters, Result], /) -> Kernel[Parameters, Result]:
        """Return the kernel."""


def compiled(
    *types: str | type, reference: Callable[..., Any] | None = None, plain: bool = False
) -> Decorator:
    """Turn a function of arrays into a kernel.

    It is compiled without `fastmath`, so that sums keep their order, and with NumPy's way of
    dividing by zero. Constants of its module are frozen in; other kernels may be called by name.

    Parameters
    ----------
    types
        Types of the arguments in Numba's notation, such as `const float64[:, ::1]`, `int64`. With
        `const` an array is only read. Arguments of other types are refused, copies of arrays that
        are not contiguous are the caller's to make. A `NamedTuple` class stands for its fields,
        each annotated with `bool`, `int`, `float` or `Annotated[…, "its type in that notation"]`.
        None at all: it is compiled into the kernels that call it, and Python gets the reference.
    reference
        The same in NumPy, for where Numba is missing: the same arguments, the same bits. Default:
        the function itself, as Python runs it; the kernels it calls are then their references.
    plain
        It makes no array and no view of one. References to arrays are then not counted, which is
        several times faster where small kernels are called for each cell, and it becomes part of
        the code of those that call it, which must be plain, too.

    Examples
    --------
    >>> import numpy as np
    >>> @compiled("const float64[::1]")
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.array([1.0, 2.0, 4.0]))
    7.0
    """

    def decorate(function: Callable[Parameters, Result], /) -> Kernel[Parameters, Result]:
        kernel = Kernel(function, types, reference, plain)
        if types:
            _kernels.append(kernel)
        return kernel

    return decorate


def all_kernels() -> "tuple[Kernel[..., Any], ...]":
    """Return the kernels that the modules imported so far define, and that can be called."""
    return tuple(_kernels)


def cache_in(find: Callable[[], Path]) -> None:
    """Name the folder for machine code; `find` is called at a kernel's first call.

    The environment's NUMBA_CACHE_DIR wins.
    """
    global _find_folder
    _find_folder = find


@cache
def has_numba() -> bool:
    """Whether Numba is installed and not switched off (NUMBA_DISABLE_JIT)."""
    if importlib.util.find_spec("numba") is None:
        return False
    import numba

    return not numba.config.DISABLE_JIT


def current_folder(function: Callable[..., object]) -> Path | None:
    """Folder of the machine code of a function, None where none was named."""
    import numba

    root = Path(numba.config.CACHE_DIR) if numba.config.CACHE_DIR else None
    if root is None and _find_folder is not None:
        root = _find_folder()
    return None if root is None else root / _digest(Path(function.__code__.co_filename).parent)


@cache
def _digest(folder: Path) -> str:
    """Short digest of the sources that the machine code of a folder's kernels may come from."""
    digest = hashlib.sha256()
    for place in (*SHARED_SOURCES, folder):
        for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _usable_folder(function: Callable[..., object]) -> Path | None:
    """Folder of the function's machine code, made and written to; None where that is impossible."""
    if not Path(function.__code__.co_filename).is_file():  # typed into a notebook
        return None
    try:
        folder = current_folder(function)
        if folder is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"probe-{threading.get_native_id()}"
        probe.touch()
        probe.unlink()
    except (OSError, QuantPlatformError) as error:
        _say_once(f"Compiled kernels cannot be kept ({error}); each process compiles them again")
        return None
    return folder


def _keep_in(folder: Path, dispatcher: Any) -> None:
    """Have Numba keep one function's code in `folder`, and everybody else's where it was.

    Numba tells sources apart by their place and time. The folder's name is made of their content,
    so that a copy of the platform, or a file that was only touched, is not compiled again.
    """
    import numba
    from numba.core.caching import IndexDataCacheFile

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        dispatcher.enable_caching()
    finally:
        numba.config.CACHE_DIR = before
    kept = dispatcher._cache
    kept._cache_file = IndexDataCacheFile(str(folder), kept._impl.filename_base, source_stamp="")


def _resolved(text: str | type) -> Any:
    """Numba's type of a text, or of a NamedTuple; `const` makes an array read only."""
    from numba.core import sigutils

    types: Any = importlib.import_module("numba.core.types")
    if isinstance(text, type):
        hints = get_type_hints(text, include_extras=True).values()
        fields = (getattr(hint, "__metadata__", (FIELD_TYPES.get(hint),))[0] for hint in hints)
        resolved = tuple(_resolved(str(field)) for field in fields)
        if len(set(resolved)) == 1:
            return types.NamedUniTuple(resolved[0], len(resolved), text)
        return types.NamedTuple(resolved, text)
    kind = sigutils.normalize_signature(f"({text.removeprefix(CONST)},)")[0][0]
    return kind.copy(readonly=True) if text.startswith(CONST) else kind


@contextmanager
def _alone(folder: Path | None, name: str) -> Iterator[None]:
    """Be the only process that compiles a kernel; the next one reads what this one has kept."""
    if folder is None:
        yield
        return
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_of_compiler(error: Exception) -> bool:
    """Whether a kernel is wrong, and not a file."""
    from numba.core.errors import NumbaError

    return isinstance(error, NumbaError)


def _announcing(folder: Path | None) -> AbstractContextManager[object]:
    """Say once in a process that something is compiled, if something is."""
    from numba.core import event

    kept = "" if folder is None else f", kept in {folder.parent}"

    class Announcement(event.Listener):  # type: ignore[misc]
        def on_start(self, event: object) -> None:
            _say_once(f"Compiling kernels: some seconds, once{kept}")

        def on_end(self, event: object) -> None: ...

    return cast("AbstractContextManager[object]", event.install_listener(COMPILING, Announcement()))


@cache
def _say_once(line: str) -> None:
    """Tell the user in one line, which is not repeated."""
    with suppress(ValueError):  # a closed stream
        _log.warning("%s", line)
