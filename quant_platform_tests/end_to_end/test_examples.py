"""Every notebook of `examples/` runs from its first cell to its last, over a market as it asks for.

The sample market for most; for those that need many securities a small one of the vendor
`synthetic`. Cells run as a user's do, in the order of the file.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quant_platform.features import feature_registry
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.vendor_registry import vendor_of
from quant_platform_tests.support import notebooks
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS
from quant_platform_tests.support.pipeline import run as materialise
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.services import CHECKOUT

EXAMPLES = sorted((CHECKOUT / "examples").glob("*.ipynb"))

SYNTHETIC = {
    PREFIX + "VENDOR": "synthetic",
    PREFIX + "SYNTHETIC_SECURITIES": "40",
    PREFIX + "SYNTHETIC_LAST": "2006-03-31",
}
MADE_UP = ("02_top_by_momentum", "03_factor_study")
"""Notebooks that ask for the market that the package makes up."""

WORDS = {
    "01_first_steps": "total_return",
    "02_top_by_momentum": "signals of top_by_momentum",
    "03_factor_study": "noise_white",
    "04_sweep": "sharpe_ratio",
    "05_your_own": "Strategy buy_the_dip: parameter low is 3. Allowed: a number, > 0, < 1.",
    "06_as_known": "There are no bars known at",
}
"""What each shows, so that a notebook that does nothing is found."""


@pytest.fixture
def open_market(
    server: Server,
    template: str,
    sample_database: str,
    new_database: Callable[[str | None], Database],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[str], None]:
    """Return a function that makes the market of a notebook what `qp.open()` opens."""

    def fill(url: str) -> None:
        settings = Settings.load({**SYNTHETIC, "DATABASE_URL": url}, tmp_path)
        vendor = vendor_of(settings)
        assert vendor.last_session is not None
        first, last = (day.isoformat() for day in (vendor.first_session, vendor.last_session))
        assets = (*FACTS, "features")
        done = materialise(Database(url), tmp_path, first, last, vendor=vendor, assets=assets)
        assert done.success, failure_text(done)

    def open_market(notebook: str) -> None:
        variables = {PREFIX + "HOME": str(tmp_path / "home")}
        source = sample_database
        if notebook in MADE_UP:
            source = server.template("examples_synthetic", fill, source=template)
            variables |= SYNTHETIC
        variables["DATABASE_URL"] = new_database(source).url
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)

    return open_market


@pytest.fixture(autouse=True)
def _no_features_of_notebooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(feature_registry, "_of_notebook", {})
    yield


def test_there_are_at_least_six() -> None:
    assert {path.stem for path in EXAMPLES} == set(WORDS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path: Path, open_market: Callable[[str], None]) -> None:
    open_market(path.stem)
    shown = json.dumps([outputs for _, outputs in notebooks.run_notebook(path)])
    assert WORDS[path.stem] in shown


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_a_reader_sees_is_kept_in_the_file(path: Path) -> None:
    """`python -m quant_platform_tests.support.notebooks` writes it."""
    codes = [cell for cell in notebooks.cells_of(path) if cell["cell_type"] == "code"]
    assert WORDS[path.stem] in json.dumps([cell["outputs"] for cell in codes])
    assert [cell["execution_count"] for cell in codes] == list(range(1, len(codes) + 1))
