"""The page of how to add things, and the README's examples, executed exactly as they are printed.

Each file that a page names is written into a copy of the platform, all of them at once. The shell
lines of the sections on a check and on an asset then run there over an empty database.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.services import CHECKOUT, KERNELS
from quant_platform_tests.support.tables import fetch

PAGES = ("README.md", "docs/how-to-add.md")
COPIED = ("quant_platform", "sql", "dagster.yaml", "workspace.yaml", "pyproject.toml")

FILE = re.compile(r"`([\w./]+\.(?:py|sql))`:$")

ADDED = {
    "quant_platform/vendors/sqlite_file.py",
    "quant_platform/features/library/relative_range.py",
    "quant_platform/strategies/library/golden_cross.py",
    "quant_platform/evaluation/metrics.py",
    "quant_platform/alerts/rules.py",
    "quant_platform/quality/library/wide_range.py",
    "quant_platform/defs/assets/breadth.py",
    "quant_platform/reports/sections/idle_cash.py",
    "quant_platform/reports/sections/order.py",
    "sql/migrations/1001_market_breadth.sql",
    "sql/migrations/1001_market_breadth.rollback.sql",
}
"""Files that the pages name; those that exist are added to."""

DESCRIBE = """
import json
from quant_platform.alerts.rules import RULES
from quant_platform.defs.build import build_defs
from quant_platform.settings import Settings
from quant_platform.vendors.vendor_registry import vendor_of

settings = Settings.load()
vendor = vendor_of(settings)
defs = build_defs(settings=settings)
graph = defs.resolve_asset_graph()
bars = vendor.bars(vendor.first_session, vendor.last_session)
print(json.dumps({
    "vendor": vendor.name,
    "symbols": sorted(bars["symbol"].unique()),
    "bars": len(bars),
    "rules": [rule.name for rule in RULES],
    "assets": [key.to_user_string() for key in graph.executable_asset_keys],
    "checks": [key.to_user_string() for key in graph.asset_check_keys],
    "jobs": {
        job.name: [
            key.to_user_string()
            for key in defs.resolve_job_def(job.name).asset_layer.selected_asset_keys
        ]
        for job in defs.jobs
    },
}))
"""


@dataclass(frozen=True)
class Block:
    """A block of code of a page, the section it stands in, and the paragraph above it."""

    section: str
    above: str
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file it is of; empty if the paragraph names none."""
        match = FILE.search(self.above)
        return match[1] if match else ""


def blocks(page: str) -> list[Block]:
    """Return the blocks of code of a page."""
    result: list[Block] = []
    lines: list[str]
    section, above, language = "", "", ""
    before, lines = "", []
    for line in (CHECKOUT / page).read_text().splitlines():
        if language:
            if line == "```":
                result.append(Block(section, above, language, "\n".join([*lines, ""])))
                above, language, lines = "", "", []
            else:
                lines.append(line)
        elif line.startswith("```"):
            language = line.removeprefix("```")
        elif line:
            section = line.removeprefix("## ") if line.startswith("## ") else section
            above = f"{above} {line}" if before else line
        before = line
    return result


ALL = [block for page in PAGES for block in blocks(page)]


def shell_of(section: str) -> str:
    (block,) = [each for each in ALL if each.section == section and each.language == "sh"]
    return block.text


@dataclass(frozen=True)
class Extended:
    """A copy of the platform with every addition, its database, and what it printed."""

    database: Database
    home: Path
    described: dict[str, Any]
    files_output: str
    check_output: str
    asset_output: str


@pytest.fixture(scope="module")
def copy(server_folders: Callable[[str], Path]) -> Path:
    """Copy the platform and write the files of the pages into it."""
    folder = server_folders("extended")
    folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *COPIED],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target)
    for block in ALL:
        if block.file:
            target = folder / block.file
            is_addition = "at the end of" in block.above.lower()
            assert target.exists() == is_addition, block.file
            with target.open("a") as file:
                file.write(f"\n\n{block.text}" if is_addition else block.text)
    return folder


@pytest.fixture(scope="module")
def extended(copy: Path, server: Server) -> Iterator[Extended]:
    name = server.create()
    home = copy / "home"
    variables = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(copy),
        "HOME": str(home),
        "COLUMNS": "200",
        "DATABASE_URL": server.url(name),
        "QUANT_PLATFORM_HOME": str(home),
        KERNELS: os.environ[KERNELS],
    }
    home.mkdir()

    def run(*command: str, **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=copy,
            env=variables | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    for block in ALL:
        if not block.file and ("to_csv" in block.text or "to_sql" in block.text):
            run(sys.executable, "-c", block.text)
    described = run(sys.executable, "-c", DESCRIBE, QUANT_PLATFORM_VENDOR="sqlite_file")
    database = Database(server.url(name))
    yield Extended(
        database,
        home,
        json.loads(described),
        run("bash", "-e", "-c", shell_of("Symbols, from files of your own"), DATABASE_URL=""),
        run("bash", "-e", "-c", shell_of("A check")),
        run("bash", "-e", "-c", shell_of("An asset and its table")),
    )
    database.engine.dispose()
    for each in (name, f"{name}_dagster"):
        server.drop(each)


def test_the_pages_name_the_files_of_their_examples() -> None:
    assert {block.file for block in ALL if block.file} == ADDED


def test_a_vendor(extended: Extended) -> None:
    assert extended.described["vendor"] == "sqlite_file"
    assert extended.described["symbols"] == ["MINE", "MSFT"]
    # 543 sessions from 2011-01-03 to 2013-03-01: 252 + 250 + 41.
    assert extended.described["bars"] == 2 * 543


def test_files(extended: Extended) -> None:
    """Two symbols over 543 sessions; 39 of them from 2011-01-03 to 2011-02-28 (20 + 19)."""
    assert "1,086 rows, 2011-01-03 to 2013-03-01" in extended.files_output
    assert "39 sessions" in extended.files_output


def test_a_feature(extended: Extended) -> None:
    values = fetch(
        extended.database,
        "SELECT relative_range_10 FROM features WHERE date = '2000-03-31' ORDER BY symbol",
    )
    assert len(values) == 3
    assert all(0.01 < value < 0.15 for (value,) in values)
    (shown,) = fetch(
        extended.database,
        "SELECT features ->> 'relative_range_10' FROM feature_store"
        " WHERE date = '2000-03-31' AND symbol = 'AAPL'",
    )
    assert float(shown[0]) == values[0][0]


def test_a_strategy(extended: Extended) -> None:
    """An average of 200 sessions is not full in the market's first 23, so it stays in cash."""
    rows = fetch(
        extended.database,
        "SELECT count(*), count(DISTINCT date), min(equity), max(equity) FROM portfolios"
        " JOIN models ON models.id = model_id WHERE model_name = 'golden_cross'",
    )
    assert rows == [(23, 23, 1e6, 1e6)]
    assert "signals/golden_cross" in extended.described["assets"]
    assert "signals/golden_cross:golden_cross_limits" in extended.described["checks"]
    ((ranking,),) = fetch(
        extended.database, "SELECT ranking::text FROM performance_reports WHERE date = '2000-03-31'"
    )
    assert "golden_cross" in ranking


def test_a_metric(extended: Extended) -> None:
    """The lowest return since inception is the lowest of the portfolio's rows."""
    figures = fetch(
        extended.database,
        "SELECT model_id, worst_session FROM model_performance"
        " WHERE date = '2000-03-31' AND window_name = 'inception' ORDER BY 1",
    )
    assert len(figures) == 5
    assert figures == fetch(
        extended.database,
        "SELECT model_id, min(daily_return) FROM portfolios GROUP BY 1 ORDER BY 1",
    )


def test_an_alert_rule(extended: Extended) -> None:
    assert "year_return_limit" in extended.described["rules"]


def test_a_check(extended: Extended) -> None:
    """AAPL traded from 122.56 to 137.81 on 2000-03-21 (12.4 %), within 12 % otherwise."""
    assert "market_data:wide_range" in extended.described["checks"]
    verdicts = fetch(
        extended.database,
        "SELECT date::text, passed, failures FROM data_quality WHERE check_name = 'wide_range'",
    )
    assert len(verdicts) == 23
    assert [row for row in verdicts if not row[1]] == [("2000-03-21", False, 1)]
    assert "AAPL has a wide range" in extended.check_output
    page = (extended.home / "reports" / "2000-03-31.html").read_text()
    (line,) = re.findall(r'<th scope="row">wide range</th>.*?</tr>', page, re.DOTALL)
    assert "<td>1 of 23</td><td>2000-03-21</td>" in line


def test_a_section_of_the_report(extended: Extended) -> None:
    """`golden_cross` waits for its average in cash; the benchmark invests all of its own."""
    page = (extended.home / "reports" / "2000-03-31.html").read_text()
    (section,) = re.findall(r'<section id="idle_cash".*?</section>', page, re.DOTALL)
    assert 'data-readers="researcher risk"' in section
    (row,) = re.findall(r"golden_<wbr>cross</th><td[^>]*>([^<]*)</td>", section)
    assert row == "100.0\u202f%"


def test_an_asset_and_its_table(extended: Extended) -> None:
    """On 2 March AAPL fell, IBM and MSFT rose; on 3 March all rose (closes of the sample)."""
    rows = fetch(
        extended.database,
        "SELECT date::text, members, rose, fell FROM market_breadth ORDER BY date",
    )
    assert len(rows) == 23
    assert rows[:3] == [("2000-03-01", 3, 0, 0), ("2000-03-02", 3, 2, 1), ("2000-03-03", 3, 3, 0)]
    jobs = extended.described["jobs"]
    assert jobs["breadth_stage"] == ["market_breadth"]
    assert "market_breadth" in jobs["daily_update"]
    (line,) = re.findall(r"^market_breadth .*$", extended.asset_output, re.MULTILINE)
    assert line.split()[1:4] == ["23", "2000-03-01", "2000-03-31"]
    assert "market_breadth" in (extended.home / "reports" / "2000-03-31.html").read_text()
