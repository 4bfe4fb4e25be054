"""`import quant_platform as qp`: the names it promises, and that it loads nothing for them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import quant_platform as qp
from quant_platform.evaluation.metrics import METRICS
from quant_platform.research.store import open_store

NAMES = [
    "Backtest",
    "Book",
    "Costs",
    "Forecaster",
    "Panel",
    "QuantPlatformError",
    "Settings",
    "Store",
    "Strategy",
    "StrategyParameters",
    "errors",
    "evaluate",
    "feature",
    "metric",
    "open",
    "sessions",
    "study",
]

PROGRAM = """
import json, sys
before = set(sys.modules)
import quant_platform
dir(quant_platform)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_names_are_these() -> None:
    assert qp.__all__ == NAMES


def test_each_is_what_it_is_called() -> None:
    for name in NAMES:
        value = getattr(qp, name)
        if name in ("errors", "metric"):
            continue
        assert value.__module__.startswith("quant_platform.")
        assert value.__name__ == ("open_store" if name == "open" else name)
    assert qp.open is open_store
    assert qp.errors.SessionError.__module__ == qp.errors.__name__ == "quant_platform.errors"
    assert qp.metric == METRICS.metric


def test_dir_lists_them() -> None:
    assert {*NAMES, "__version__", "__doc__"} <= set(dir(qp))
    assert dir(qp) == sorted(set(dir(qp)))


def test_a_star_brings_them_all() -> None:
    names: dict[str, object] = {}
    exec("from quant_platform import *", names)  # noqa: S102 — a star import needs a module's top
    assert set(names) - {"__builtins__"} == set(NAMES)


@pytest.mark.parametrize("name", ["prices", "SignalPanel", "__path_of_nothing__"])
def test_any_other_name_is_unknown(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'quant_platform' has no attribute '{name}'"):
        getattr(qp, name)


def test_importing_loads_nothing_else(tmp_path: Path) -> None:
    """No module beyond the standard library's, and none of our own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert {name for name in loaded if name.startswith("quant_platform")} == {"quant_platform"}
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert foreign == {"quant_platform"}
