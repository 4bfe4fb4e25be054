"""What a user has after the one command: every row, every partition, a page, a quick second run."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest

from quant_platform_tests.end_to_end.conftest import Demo
from quant_platform_tests.support.services import environment, run

SESSIONS = 3270
"""XNYS sessions from 1 March 2000 to 1 March 2013 (exchange_calendars)."""

ASSETS = (
    "alerts corporate_actions factor_evaluation features market_data securities security_symbols"
    " model_monitor model_performance performance_reports portfolios signal_probabilities"
    " signals/buy_and_hold signals/enhanced_momentum signals/equal_weight"
    " signals/mean_reversion trading_universe"
)

INSTANCE_REPORT = """
import json, sys
import dagster as dg
with dg.DagsterInstance.get() as instance:
    keys = {name: dg.AssetKey(name.split("/")) for name in sys.argv[1:]}
    found = {name: len(instance.get_materialized_partitions(key)) for name, key in keys.items()}
    runs = [run.status.value for run in instance.get_runs()]
print(json.dumps({"partitions": found, "runs": runs}))
"""

QUERIES = {
    "signals": (
        "SELECT s.*, m.model_name FROM signals s JOIN models m ON s.model_id = m.id"
        " ORDER BY s.created_at DESC LIMIT 10;"
    ),
    "performance": (
        "SELECT mp.*, m.model_name FROM model_performance mp JOIN models m ON mp.model_id = m.id"
        " ORDER BY mp.sharpe_ratio DESC;"
    ),
    "features": (
        "SELECT md.symbol, md.date, md.close_price, fs.features FROM market_data md"
        " JOIN feature_store fs ON md.symbol = fs.symbol AND md.date = fs.date"
        " WHERE md.date >= DATE '2013-03-01' - INTERVAL '7 days';"
    ),
}


def rows(demo: Demo, statement: str) -> list[dict[str, str]]:
    said = run(["sql", statement, "--csv"], demo.home, timeout=120)
    assert said.returncode == 0, said.stderr
    return list(csv.DictReader(io.StringIO(said.stdout)))


def counts(said: str) -> dict[str, int]:
    """Table → rows, as the command printed them."""
    found = re.findall(r"^([a-z_]+) +([\d,]+) *$", said, re.MULTILINE)
    return {name: int(number.replace(",", "")) for name, number in found}


def test_the_demo_prints_what_it_stored(demo: Demo) -> None:
    printed = counts(demo.said.stdout)
    # Three symbols in 3,270 sessions, GOOG in 2,148, FB in 196; one bar each, one feature row.
    assert 3 * SESSIONS + 2148 + 196 == 12154
    assert printed["market_data"] == printed["features"] == printed["trading_universe"] == 12154
    # Four models.
    assert printed["portfolios"] == 4 * SESSIONS
    assert printed["performance_statistics"] == 4 * SESSIONS
    assert printed["performance_reports"] == SESSIONS
    assert printed["quarantine"] == 0
    stored = rows(demo, "SELECT count(*) AS bars, count(DISTINCT date) AS days FROM market_data")
    assert stored == [{"bars": "12154", "days": str(SESSIONS)}]


def test_the_demo_ranks_the_models_and_names_its_page(demo: Demo) -> None:
    assert "Ranking of 2013-03-01" in demo.said.stdout
    for name in ("buy_and_hold", "enhanced_momentum", "mean_reversion", "equal_weight (benchmark)"):
        assert name in demo.said.stdout
    # Two models hold almost nothing: whatever their scores, they lead nothing.
    places = re.findall(r"^ *(\d) +([a-z_]+) .*?(best|lightly invested)", demo.said.stdout, re.M)
    assert [(name, standing) for _, name, standing in places] == [
        ("buy_and_hold", "best"),
        ("equal_weight", "best"),
        ("enhanced_momentum", "lightly invested"),
        ("mean_reversion", "lightly invested"),
    ]
    page = demo.home / "reports" / "2013-03-01.html"
    assert str(page.relative_to(demo.home.parent)) in demo.said.stdout
    assert "enhanced_momentum" in page.read_text()
    assert "make dev" in demo.said.stdout


def test_the_only_failing_blocking_verdicts_are_none(demo: Demo) -> None:
    failing = rows(
        demo, "SELECT DISTINCT check_name, severity FROM data_quality WHERE NOT passed ORDER BY 1"
    )
    assert all(row["severity"] == "warn" for row in failing), failing
    assert {"check_name": "bad_prints", "severity": "warn"} in failing


def test_every_partition_of_every_asset_is_materialised(demo: Demo) -> None:
    said = subprocess.run(
        [sys.executable, "-c", INSTANCE_REPORT, *ASSETS.split()],
        env=environment(demo.home, DAGSTER_HOME=str(demo.home / "dagster")),
        cwd=demo.home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["partitions"] == dict.fromkeys(ASSETS.split(), SESSIONS)
    # One run a stage, all of them in the UI.
    assert found["runs"] == ["SUCCESS"] * 6


def test_a_second_demo_finds_everything_there(demo: Demo) -> None:
    said = run(["demo"], demo.home, cwd=demo.home.parent, timeout=120)
    assert said.returncode == 0, said.stderr
    assert "3,270 sessions" in said.stdout
    assert "all there already" in said.stdout
    assert counts(said.stdout) == counts(demo.said.stdout)


@pytest.mark.parametrize("name", QUERIES)
def test_the_sample_queries_return_rows(demo: Demo, name: str) -> None:
    found = rows(demo, QUERIES[name])
    if name == "signals":
        assert len(found) == 10
        assert {row["model_name"] for row in found} <= {
            "buy_and_hold",
            "enhanced_momentum",
            "equal_weight",
            "mean_reversion",
        }
    elif name == "performance":
        assert {row["model_name"] for row in found} == {
            "buy_and_hold",
            "enhanced_momentum",
            "equal_weight",
            "mean_reversion",
        }
        figures = [float(row["sharpe_ratio"]) for row in found if row["sharpe_ratio"]]
        assert figures == sorted(figures, reverse=True)
    else:
        # Six sessions (22 February is the seventh day before) of five symbols.
        assert len(found) == 6 * 5
        assert '"sma_200"' in found[0]["features"]


def test_status_says_that_all_is_current(demo: Demo) -> None:
    said = run(["status"], demo.home, timeout=60)
    assert said.returncode == 0, said.stderr
    assert "behind" not in said.stdout
    assert "12,154" in said.stdout
