import re
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from quant_platform.errors import DatabaseError
from quant_platform.pipeline.provision import provision, registered_columns
from quant_platform.storage import migrations
from quant_platform.storage.database import Database
from quant_platform.storage.migrations import (
    RegisteredColumn,
    add_columns,
    is_current,
    upgrade,
)
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import MIGRATIONS, content, fetch, shape

_LOCK = migrations._BEFORE[0]
"""The statement that lets one process at a time migrate."""


def test_up_and_again(empty_database: Database) -> None:
    assert not is_current(empty_database)
    applied = upgrade(empty_database)
    assert applied == [path.stem for path in MIGRATIONS]
    before = shape(empty_database)
    assert before
    assert is_current(empty_database)
    assert upgrade(empty_database) == []
    assert shape(empty_database) == before


def test_every_migration_can_be_rolled_back(empty_database: Database) -> None:
    """Down by the rollback files, one by one, and up again: the same schema.

    A column that comes back comes last, so that the order of the columns is left out.
    """
    shapes = []
    for path in MIGRATIONS:
        shapes.append(sorted(shape(empty_database), key=str))
        fetch(empty_database, path.read_text().replace("%", "%%"))
    whole = shape(empty_database)
    for path, before in zip(reversed(MIGRATIONS), reversed(shapes), strict=True):
        rollback = path.with_suffix(".rollback.sql").read_text()
        fetch(empty_database, rollback.replace("%", "%%"))
        assert sorted(shape(empty_database), key=str) == before, path.name
    assert shape(empty_database) == []
    assert upgrade(empty_database) == [path.stem for path in MIGRATIONS]
    assert shape(empty_database) == whole


def test_migrations_have_numbers_of_their_own() -> None:
    numbers = [int(re.match(r"(\d{4})_", path.name)[1]) for path in MIGRATIONS]  # type: ignore[index]
    # From 1000 on they are those of whoever uses the platform.
    ours = [number for number in numbers if number < 1000]
    assert ours == sorted(set(ours))
    assert ours[0] == 1


def test_registered_columns(empty_database: Database) -> None:
    new = [
        RegisteredColumn("features", "my feature", "double precision", "It's 100 % new."),
        RegisteredColumn("model_performance", "my_count", "integer", "A count."),
    ]
    upgrade(empty_database)
    assert not is_current(empty_database, new)
    assert upgrade(empty_database, new) == ["features.my feature", "model_performance.my_count"]
    assert is_current(empty_database, new)
    for table in ("features", "features_history"):
        column = read_table(empty_database, table).column("my feature")
        assert (column.sql_type, column.nullable) == ("double precision", True)
        assert column.description == "It's 100 % new."
    assert read_table(empty_database, "model_performance").column("my_count").sql_type == "integer"
    assert upgrade(empty_database, new) == []


def test_adding_columns_is_all_or_nothing(empty_database: Database) -> None:
    upgrade(empty_database)
    before = shape(empty_database)
    new = [
        RegisteredColumn("features", "good", "double precision", ""),
        RegisteredColumn("no_such_table", "bad", "integer", ""),
    ]
    with pytest.raises(Exception, match="no_such_table"):
        add_columns(empty_database, new)
    assert shape(empty_database) == before


def test_provision_twice(empty_database: Database) -> None:
    applied = provision(empty_database)
    assert len(applied) == len(MIGRATIONS) + len(registered_columns())
    before = shape(empty_database), content(empty_database, "models")
    assert provision(empty_database) == []
    assert (shape(empty_database), content(empty_database, "models")) == before


def test_rows_survive_a_new_column(empty_database: Database) -> None:
    provision(empty_database)
    fetch(
        empty_database,
        "INSERT INTO features (date, symbol, security_id) VALUES ('2004-08-19', 'A', 'A')",
    )
    column = replace(registered_columns()[0], name="brand_new")
    assert upgrade(empty_database, [column]) == ["features.brand_new"]
    rows = fetch(empty_database, "SELECT symbol, brand_new FROM features")
    assert rows == [("A", None)]


def test_two_processes_at_once(empty_database: Database) -> None:
    """Both end well; every migration and every model is there once."""
    program = (
        "import sys; from quant_platform.pipeline.provision import provision;"
        "from quant_platform.storage.database import Database;"
        "sys.stdin.readline(); print(len(provision(Database(sys.argv[1]))))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    done = fetch(empty_database, "SELECT migration_id FROM _yoyo_migration ORDER BY 1")
    assert [name for (name,) in done] == [path.stem for path in MIGRATIONS]
    assert is_current(empty_database, registered_columns())
    names = fetch(empty_database, "SELECT model_name FROM models")
    assert len(names) == len(set(names)) > 0


def test_a_database_that_refuses_says_so_in_one_line(empty_database: Database) -> None:
    """A table of somebody else's is in the way: nothing is half applied."""
    fetch(empty_database, "CREATE TABLE portfolios (mine int)")
    with pytest.raises(DatabaseError, match="portfolios") as caught:
        upgrade(empty_database)
    assert "\n" not in caught.value.message
    assert [row[0] for row in shape(empty_database)] == ["portfolios"]
    fetch(empty_database, "DROP TABLE portfolios")
    assert upgrade(empty_database) == [path.stem for path in MIGRATIONS]


KILLED_AT_EACH_STEP = """
import os, signal, sys
from quant_platform.pipeline.provision import provision
from quant_platform.storage import migrations
from quant_platform.storage.database import Database

execute = migrations._execute

def provision_until(last):
    done = 0

    def dying(*arguments):
        nonlocal done
        execute(*arguments)
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    migrations._execute = dying
    provision(Database(sys.argv[1]))
    os._exit(0)

for step in range(1, int(sys.argv[2]) + 1):
    child = os.fork()
    if not child:
        provision_until(step)
    _, status = os.waitpid(child, 0)
    print(step, os.WTERMSIG(status), flush=True)
    sys.stdin.readline()
"""


def test_killed_at_any_step_the_next_start_does_it_all(
    empty_database: Database, database: Database
) -> None:
    """Two steps before the first file and one that looks; then each file, and its mark.

    Each death leaves an empty database, as the first start found it.
    """
    steps = 3 + 2 * len(MIGRATIONS)
    command = [sys.executable, "-c", KILLED_AT_EACH_STEP, empty_database.url, str(steps)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        for step in range(1, steps + 1):
            assert process.stdout.readline() == f"{step} {signal.SIGKILL.value}\n"
            assert shape(empty_database) == []
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
    provision(empty_database)
    assert shape(empty_database) == shape(database)


def test_who_cannot_have_the_lock_says_so(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_BEFORE", ("SET LOCAL lock_timeout = 50", _LOCK))
    connection = empty_database.connect()
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        with pytest.raises(DatabaseError, match="lock timeout"):
            upgrade(empty_database)
    assert shape(empty_database) == []
