"""Compile every kernel: `python -m quant_platform.cli.compile_kernels`, which `make` does once.

Without it each kernel is compiled at its first call. Machine code of other versions is deleted.
What does not belong here: how a kernel is compiled (`kernels/compiled.py`).
"""

import importlib
import logging
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import quant_platform.settings  # noqa: F401  (names the folder that machine code is kept in)
from quant_platform import kernels, trading
from quant_platform.kernels.compiled import Kernel, all_kernels, current_folder, has_numba
from quant_platform.kernels.threads import cores

PACKAGES: tuple[ModuleType, ...] = (kernels, trading)
"""Packages whose modules may define kernels."""

MARK = "\n@compiled("
"""In the source of a module that defines kernels; no other is imported."""


def load_all() -> "tuple[Kernel[..., object], ...]":
    """Import the modules that define kernels, and return the kernels."""
    for package in PACKAGES:
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            if MARK in path.read_text(encoding="utf-8"):
                parts = path.relative_to(Path(str(package.__file__)).parent).with_suffix("").parts
                importlib.import_module(".".join((package.__name__, *parts)))
    return all_kernels()


def compile_some(numbers: Iterable[int]) -> None:
    """Compile the kernels of these places in the list of all."""
    # What compiles on purpose need not say so.
    logging.disable(logging.WARNING)
    every = load_all()
    for number in numbers:
        every[number].prepare()


def main() -> None:
    """Compile all kernels on all cores."""
    count = len(load_all())
    workers = min(cores(), count)
    if not count or not has_numba():
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(compile_some, [range(first, count, workers) for first in range(workers)]))
    delete_old()


def delete_old() -> None:
    """Delete the machine code of other sources and versions."""
    current = {current_folder(kernel.function) for kernel in all_kernels()}
    for root in {folder.parent for folder in current if folder is not None}:
        for folder in root.iterdir():
            if folder not in current:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
