"""Law 6: the same inputs, settings and code give the same bytes, in any process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, dump, run
from quant_platform_tests.support.tables import fetch

LAST = "2004-08-31"
PROGRAM = """
import sys
from collections.abc import Callable
from pathlib import Path
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import run
assert run(Database(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]).success
"""
RUNS = """
SELECT model_name, model_version, r.parameters::text, code_version, input_digest,
       first_session, last_session, signal_rows
FROM model_runs r JOIN models m ON m.id = model_id ORDER BY r.id
"""


def test_two_databases_two_processes(
    fresh: Database,
    base: str,
    new_database: Callable[[str | None], Database],
    tmp_path: Path,
) -> None:
    other = new_database(base)
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    assert run(fresh, homes[0], FIRST, LAST).success
    # Another order of sets and dictionaries keyed by hashes, another time zone, another locale.
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, other.url, str(homes[1]), FIRST, LAST],
        env=environment,
        check=True,
        timeout=600,
    )
    assert dump(fresh, LAST) == dump(other, LAST)
    assert fetch(fresh, RUNS) == fetch(other, RUNS)
    pages = [(home / "reports" / f"{LAST}.html").read_bytes() for home in homes]
    assert pages[0] == pages[1]


def test_each_model_run_says_what_it_was_made_of(whole: Database) -> None:
    runs = fetch(whole, RUNS)
    assert len(runs) == len({name for name, *_ in runs}) == 4
    for _, version, parameters, code, digest, first, last, count in runs:
        assert version
        assert parameters.startswith("{")
        assert code
        assert len(digest) == 64
        assert (str(first), str(last)) == (FIRST, "2004-12-31")
        assert count > 300
