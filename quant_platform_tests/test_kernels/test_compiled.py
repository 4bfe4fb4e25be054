"""Kernels are compiled once, kept, compiled anew when sources change, and right without that."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from quant_platform.isolation import limited
from quant_platform.kernels import compiled
from quant_platform.kernels.threads import in_threads

numba = pytest.importorskip("numba")

SOURCE = """
from quant_platform.kernels.compiled import compiled

FACTOR = 3.0

@compiled()
def scaled(value):
    return FACTOR * value

def with_numpy(values, out):
    out[:] = FACTOR * values.cumsum()

@compiled("const float64[::1]", "float64[::1]", reference=with_numpy)
def running(values, out):
    total = 0.0
    for index in range(len(values)):
        total += values[index]
        out[index] = scaled(total)
"""

VALUES = np.array([1.0, 2.0, 4.0])
ANSWER = [3.0, 9.0, 21.0]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Return a function that imports a module of kernels anew, as another process would."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    numba.config.reload_config()
    monkeypatch.setattr(compiled, "_kernels", [])

    def module(source: str = SOURCE, folder: str = "code") -> ModuleType:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "own_kernels.py"
        path.write_text(source)
        compiled._digest.cache_clear()
        compiled._say_once.cache_clear()
        spec = importlib.util.spec_from_file_location("own_kernels", path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    return module


def answer(module: ModuleType, values: Any = VALUES) -> list[float]:
    out = np.empty(len(values))
    module.running(values, out)
    return out.tolist()


def test_what_is_kept_is_read_until_a_source_changes(
    load: Callable[..., ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    assert answer(load()) == ANSWER
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Compiling kernels"]
    caplog.clear()
    assert answer(load()) == ANSWER
    assert answer(load(folder="copy")) == ANSWER
    assert caplog.messages == []
    # The helper changes, and nothing in the kernel itself: the kernel's lines stay where they were.
    assert answer(load(SOURCE.replace("FACTOR * value\n", "5.0 * value\n"))) == [5.0, 15.0, 35.0]
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("length", [0, 30])
def test_files_that_are_cut_off_cost_a_line(
    load: Callable[..., ModuleType],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    length: int,
) -> None:
    answer(load())
    for path in (tmp_path / "kept").rglob("*.nb?"):
        os.truncate(path, length)
    caplog.clear()
    assert answer(load()) == ANSWER
    assert "cannot be used" in caplog.messages[0]
    assert str(tmp_path / "kept") in caplog.messages[0]


def test_a_folder_that_cannot_be_made_costs_a_line(
    load: Callable[..., ModuleType], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    assert answer(load()) == ANSWER
    assert "cannot be kept" in caplog.messages[0]


def test_a_kernel_takes_its_types_and_no_others(load: Callable[..., ModuleType]) -> None:
    module = load()
    read_only = VALUES.copy()
    read_only.flags.writeable = False
    assert answer(module, read_only) == ANSWER
    with pytest.raises(TypeError, match="float32"):
        answer(module, VALUES.astype(np.float32))
    with pytest.raises(TypeError, match="No matching"):
        answer(module, np.repeat(VALUES, 2)[::2])
    # What states no types is compiled into others alone.
    assert module.scaled.prepare() is module.scaled.reference


def test_without_numba_the_reference_works(
    load: Callable[..., ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(compiled, "has_numba", lambda: False)
    module = load()
    assert answer(module) == ANSWER
    assert module.running.prepare() is module.with_numpy
    assert caplog.messages == []


def test_threads_and_forks_call_what_their_parent_compiled(
    load: Callable[..., ModuleType],
) -> None:
    module = load()
    values = np.random.default_rng(1).normal(size=(64, 5_000))
    one = list(in_threads(lambda row: answer(module, row), values, threads=1))
    assert list(in_threads(lambda row: answer(module, row), values, threads=4)) == one

    def added() -> list[list[float]]:
        return list(in_threads(lambda row: answer(module, row), values))

    assert limited(added, 60.0, added) == one


def test_a_new_process_imports_numba_for_its_first_kernel_and_keeps_it_at_home(
    tmp_path: Path,
) -> None:
    """Two at once, over one empty home: both are right."""
    (tmp_path / "own_kernels.py").write_text(SOURCE)
    program = (
        "import sys, numpy, quant_platform.settings, own_kernels\n"
        "assert 'numba' not in sys.modules\n"
        "out = numpy.empty(3)\n"
        "own_kernels.running(numpy.array([1.0, 2.0, 4.0]), out)\n"
        "print(out.tolist())"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"},
        "QUANT_PLATFORM_HOME": str(tmp_path / "home"),
        "PYTHONPATH": paths,
    }

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    both = [start(), start()]
    outputs = [process.communicate() for process in both]
    assert [out for out, _ in outputs] == [f"{ANSWER}\n"] * 2, outputs
    line = f"Compiling kernels: some seconds, once, kept in {tmp_path / 'home' / 'kernels'}\n"
    assert sorted(error for _, error in outputs) == ["", line]


def test_what_make_compiles_is_kept_where_the_platform_looks(tmp_path: Path) -> None:
    program = (
        "from quant_platform.cli.compile_kernels import load_all\n"
        "from quant_platform.kernels.compiled import current_folder\n"
        "print({current_folder(each.function).parent for each in load_all()})"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"},
        "QUANT_PLATFORM_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{ {tmp_path / 'kernels'} }\n", done.stderr
