"""Files of a user's own folder, and modules of installed packages, seen by every registry."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from quant_platform_tests.support.services import CHECKOUT

EVERYTHING = '''
"""One of each, in one file."""

from datetime import date

import numpy as np
import pandas as pd

from quant_platform.alerts.rules import WARNING, PerformanceLimit
from quant_platform.evaluation.metrics import metric
from quant_platform.features.feature_registry import feature
from quant_platform.quality.check import WARN, CheckContext, Findings, QualityCheck
from quant_platform.strategies.base import Strategy
from quant_platform.vendors.base import Vendor
from quant_platform_extensions.helper import WEIGHT


@feature(lookback=1, inputs=("high", "low"))
def own_range(context):
    """High less low, in currency."""
    return context.high - context.low


class Own(Strategy):
    """Holds nothing."""

    name, version, description = "own", "1", "Holds nothing."
    lookback = 1

    def signals(self, panel):
        raise NotImplementedError


@metric("fraction")
def own_best(window):
    """Highest session return in the window, as a fraction."""
    return window.max(window.returns)


class OwnVendor(Vendor):
    name = "own_vendor"
    first_session = date(2011, 1, 3)
    last_session = date(2013, 3, 1)


RULE = PerformanceLimit("own_rule", "total_return", "return", "252d", WEIGHT, WARNING)


def _judge(context: CheckContext, threshold: float) -> Findings:
    raise NotImplementedError


CHECK = QualityCheck("own_check", "market_data", "market_data", WARN, "Nothing.", _judge)
'''

DESCRIBE = """
import json
import re
from quant_platform.alerts.rules import all_rules
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import all_features
from quant_platform.pipeline.provenance import code_version
from quant_platform.quality.check_registry import all_checks
from quant_platform.settings import Settings
from quant_platform.strategies.strategy_registry import all_strategies
from quant_platform.vendors.vendor_registry import vendor_classes, vendor_of
settings = Settings.load()
print(json.dumps({
    "features": [each.name for each in all_features()],
    "strategies": [each.name for each in all_strategies()],
    "metrics": list(METRICS),
    "rules": [each.name for each in all_rules()],
    "checks": [each.name for each in all_checks(settings, vendor_of(settings))],
    "vendors": list(vendor_classes()),
    "version": code_version(),
}))
"""

EXPECTED = {
    "features": "own_range",
    "strategies": "own",
    "metrics": "own_best",
    "rules": "own_rule",
    "checks": "own_check",
    "vendors": "own_vendor",
}


def run(folder: Path, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "everything.py").write_text(EVERYTHING)
    (tmp_path / "mine" / "helper.py").write_text("WEIGHT = -0.25\n")
    return tmp_path


def assert_everything_is_there(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    for kind, name in EXPECTED.items():
        # After the platform's own; names of strategies and vendors are sorted.
        assert name in described[kind]
        assert len(described[kind]) > 1
        assert len(set(described[kind])) == len(described[kind])
    return str(described["version"])


def test_a_folder_of_the_settings(folder: Path) -> None:
    (folder / ".env").write_text("QUANT_PLATFORM_EXTENSIONS=mine\n")
    version = assert_everything_is_there(run(folder, DESCRIBE))
    # The code that rows were made by includes the user's own.
    with (folder / "mine" / "helper.py").open("a") as file:
        file.write("# changed\n")
    changed = assert_everything_is_there(run(folder, DESCRIBE))
    assert version != changed
    assert version.rpartition(".with-")[0] == changed.rpartition(".with-")[0] != ""


def test_an_installed_package(folder: Path) -> None:
    """A distribution as pip leaves it: the modules, and its metadata with entry points."""
    (folder / "site").mkdir()
    (folder / "mine" / "helper.py").rename(folder / "site" / "own_helper.py")
    text = EVERYTHING.replace("quant_platform_extensions.helper", "own_helper")
    (folder / "site" / "own_module.py").write_text(text)
    info = folder / "site" / "own_things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-things\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[quant_platform]\nown = own_module\n")
    assert_everything_is_there(run(folder, DESCRIBE, PYTHONPATH=str(folder / "site")))


FAULTS = {
    "a fault of syntax": ("def x(:\n", "cannot be imported: SyntaxError"),
    "a missing package": ("import sparrows\n", "No module named 'sparrows'"),
    "a name that is taken": (
        "from quant_platform.features.feature_registry import feature\n\n"
        "@feature(lookback=1, inputs=('close',))\ndef sma_10(context):\n"
        '    """Another."""\n    return context.close\n',
        "Two features are called 'sma_10'",
    ),
}

LIST = "from quant_platform.cli.main import main; import sys; sys.argv[1:] = ['list', 'features']"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_file_is_one_line_that_names_it(tmp_path: Path, fault: str) -> None:
    text, words = FAULTS[fault]
    (tmp_path / "broken.py").write_text(text)
    done = run(tmp_path, f"{LIST}; main()", QUANT_PLATFORM_EXTENSIONS=str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "broken" in line


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    done = run(tmp_path, f"{LIST}; main()", QUANT_PLATFORM_EXTENSIONS="nowhere")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "QUANT_PLATFORM_EXTENSIONS" in line
    assert "no folder" in line


def test_nothing_is_loaded_unless_it_is_asked_for(folder: Path) -> None:
    (folder / "mine").rename(folder / "extensions")
    done = run(folder, DESCRIBE)
    assert "own" not in json.loads(done.stdout)["strategies"]
    assert ".with-" not in json.loads(done.stdout)["version"]


def test_the_readme_s_examples_work_with_an_installed_wheel(tmp_path: Path) -> None:
    """Wheel, a folder with the files that the README prints, and what the registries then name."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--no-index", "-w", str(tmp_path), str(CHECKOUT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert (site / "quant_platform" / "py.typed").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    written = re.findall(r"`([\w./]+\.py)`:\n\n```python\n(.*?)```", text_of_pages(), re.DOTALL)
    for path, code in written:
        if Path(path).name in EXAMPLES:
            (mine / Path(path).name).write_text(code)
    assert {file.name for file in mine.iterdir()} == set(EXAMPLES)
    done = run(
        tmp_path, WHERE + DESCRIBE, PYTHONPATH=str(site), QUANT_PLATFORM_EXTENSIONS=str(mine)
    )
    assert done.returncode == 0, done.stderr
    where, described = done.stdout.splitlines()
    assert where == str(site / "quant_platform" / "__init__.py")
    for kind, name in EXAMPLES.values():
        assert name in json.loads(described)[kind]


WHERE = "import quant_platform; print(quant_platform.__file__)\n"

EXAMPLES = {
    "sqlite_file.py": ("vendors", "sqlite_file"),
    "relative_range.py": ("features", "relative_range_10"),
    "golden_cross.py": ("strategies", "golden_cross"),
}
"""File of an example → the registry that finds it, and the name it has there."""


def text_of_pages() -> str:
    """The README, and the page that has the vendor which the README speaks of."""
    return "".join((CHECKOUT / page).read_text() for page in ("README.md", "docs/how-to-add.md"))
