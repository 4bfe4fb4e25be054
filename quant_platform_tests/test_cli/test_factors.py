"""`factors` over two months of the sample market: the table, the pages, and what there is not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quant_platform.cli import console
from quant_platform.cli.application import complete_app
from quant_platform.errors import QuantPlatformError
from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support import lab, pipeline
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch

FIRST, LAST = "2007-11-15", "2008-01-28"

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def evaluated(
    server: Server, sample_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    name = server.create(sample_database)
    database = Database(server.url(name))
    home = tmp_path_factory.mktemp("factors")
    assets = ["factor_evaluation"]
    done = pipeline.run(database, home, FIRST, LAST, vendor=SampleVendor(), assets=assets)
    assert done.success, lab.failure_text(done)
    yield database
    database.engine.dispose()
    server.drop(name)


@pytest.fixture
def factors(evaluated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", evaluated.url)
    monkeypatch.setenv(PREFIX + "HOME", str(tmp_path))
    monkeypatch.setattr(console.out, "_width", 200)
    return lambda *words: CliRunner().invoke(complete_app(), ["factors", *words])


def test_features_are_shown_the_clearest_first(factors: Command, evaluated: Database) -> None:
    done = factors("momentum_20", "rsi_14", "--horizon", "1")
    assert done.exit_code == 0, done.output
    assert f"Horizon 1, {FIRST} to {LAST}" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("mom", "rsi"))]
    means = dict(
        fetch(
            evaluated,
            "SELECT feature, avg(rank_ic::float8) FROM factor_evaluation WHERE horizon = 1"
            " AND feature IN ('momentum_20', 'rsi_14') GROUP BY 1",
        )
    )
    assert {line[0]: float(line[2]) for line in lines} == {
        name: pytest.approx(mean, abs=5e-5) for name, mean in means.items()
    }
    sizes = [abs(float(line[4])) for line in lines]
    assert sizes == sorted(sizes, reverse=True)


def test_pages_are_written_beside_the_reports(factors: Command, tmp_path: Path) -> None:
    done = factors("momentum_20", "--pages", "--start", FIRST, "--end", LAST)
    assert done.exit_code == 0, done.output
    page = tmp_path / "reports" / "factors" / "momentum_20.html"
    assert done.stdout.strip() == str(page.with_name("index.html"))
    # Of four members there are two groups.
    assert "fewer than" not in page.read_text()


def test_what_there_is_not_is_said_in_a_line(factors: Command) -> None:
    for words, said in (
        (["--horizon", "3"], "The horizon is 3"),
        (["momentm_20"], "momentm_20"),
        (["momentum_20", "--start", "2009-01-02"], "Nothing is stored of these features"),
    ):
        done = factors(*words)
        assert isinstance(done.exception, QuantPlatformError), done.output
        assert said in str(done.exception)


def test_a_second_run_changes_no_row_and_no_clock(evaluated: Database, tmp_path: Path) -> None:
    """Law 3, and rows of few members: news of which nothing is known has none."""
    rows = "SELECT t::text FROM factor_evaluation AS t ORDER BY 1"
    before = fetch(evaluated, rows)
    assert len(before) == 49 * 36 * 3
    assets = ["factor_evaluation"]
    done = pipeline.run(evaluated, tmp_path, FIRST, LAST, vendor=SampleVendor(), assets=assets)
    assert done.success, lab.failure_text(done)
    assert fetch(evaluated, rows) == before
    assert fetch(evaluated, "SELECT count(*) FROM factor_evaluation_history") == [(0,)]
