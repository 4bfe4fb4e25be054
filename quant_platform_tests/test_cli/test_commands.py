"""The command as a user runs it: a process of its own, its output, its exit code."""

import csv
import io
import json
import os
import re
import subprocess
from datetime import date
from pathlib import Path

import pytest
from psycopg2.extensions import parse_dsn
from typer.testing import CliRunner

from quant_platform.cli import status
from quant_platform.cli.application import complete_app
from quant_platform.cli.open_secrets import warn_of_open_secrets
from quant_platform.settings import PREFIX
from quant_platform.storage.addresses import for_a_process_list
from quant_platform.storage.database import Database
from quant_platform.storage.embedded import client_program
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.tables import fetch

COMMANDS = [
    [],
    ["demo"],
    ["dev"],
    ["backfill"],
    ["status"],
    ["report"],
    ["ranking"],
    ["sql"],
    ["list"],
    ["db"],
    ["db", "upgrade"],
    ["db", "url"],
    ["db", "psql"],
    ["db", "reset"],
    ["dividends"],
    ["dividends", "list"],
    ["dividends", "confirm"],
    ["dividends", "reject"],
    ["new"],
    ["audit"],
    ["release"],
    ["backtest"],
    ["sweep"],
    ["walk-forward"],
    ["factors"],
    ["trials"],
    ["studies"],
    ["studies", "show"],
    ["unseal"],
    ["reproduce"],
    ["compare"],
    ["runcard"],
    ["alerts"],
    ["alerts", "list"],
    ["alerts", "test"],
    ["alerts", "deliver"],
    ["model"],
    ["model", "list"],
    ["model", "show"],
    ["model", "promote"],
    ["model", "demote"],
    ["model", "retire"],
]


def failed(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    """Assert one clear line, no traceback, and the exit code."""
    assert done.returncode == code, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]


class TestClosures:
    name = PREFIX + "CLOSURES"

    def test_a_bad_setting_is_one_line(self, command: Run) -> None:
        soon = command("status", **{self.name: "soon"})
        failed(soon, f"{self.name} is 'soon'", "YYYY-MM-DD")
        weekend = command("sql", "select 1", **{self.name: "2012-11-03"})
        failed(weekend, f"{self.name} names Saturday 2012-11-03", "Monday to Friday")

    def test_a_day_it_names_is_no_session(self, command: Run) -> None:
        # Hurricane Sandy closed the exchange on Monday and Tuesday; as if on Wednesday, too.
        done = command("report", "--date", "2012-10-31", **{self.name: "2012-10-31"})
        failed(done, "2012-10-31 is not a session", "2012-10-26 and 2012-11-01")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_an_example(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(complete_app(), [*words, "--help"])
    assert done.exit_code == 0
    assert f"Example: quant-platform {' '.join(words)}".strip() in done.stdout
    assert done.stderr == ""
    # Asking for help leaves nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_a_report_for_a_reader_that_there_is_not(tmp_path: Path) -> None:
    done = CliRunner().invoke(complete_app(), ["report", "--for", "boss"])
    assert done.exit_code == 2
    assert "'boss' is none of manager, researcher, risk" in re.sub(r"[\s│]+", " ", done.output)


def test_help_says_the_same_by_its_short_name(in_folder: Run) -> None:
    assert in_folder("-h").stdout == in_folder("--help").stdout


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("strategies", "mean_reversion"),
        ("features", "sma_10"),
        ("metrics", "sharpe_ratio"),
        ("checks", "completeness"),
        ("assets", "signals/buy_and_hold"),
    ],
)
def test_list_names_what_there_is(in_folder: Run, kind: str, name: str, tmp_path: Path) -> None:
    done = in_folder("list", kind)
    assert done.returncode == 0, done.stderr
    assert name in done.stdout.split()
    # A look at the names leaves nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_list_of_something_else(in_folder: Run) -> None:
    done = in_folder("list", "sparrows")
    assert done.returncode == 2
    assert "'strategies', 'features', 'metrics', 'checks', 'assets'" in done.stderr


def test_completion_for_a_shell(in_folder: Run) -> None:
    done = in_folder(
        "",
        _QUANT_PLATFORM_COMPLETE="complete_bash",
        COMP_WORDS="quant-platform backf",
        COMP_CWORD="1",
    )
    assert done.stdout.split() == ["backfill"]


def test_version(in_folder: Run) -> None:
    import quant_platform

    done = in_folder("--version")
    assert (done.returncode, done.stdout.strip()) == (0, quant_platform.__version__)


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["status", "--no-such-option"],
        ["dev", "--port", "many"],
        ["backfill"],
        ["sql"],
        ["db", "no-such-command"],
    ],
)
def test_wrong_usage_exits_with_2(in_folder: Run, arguments: list[str]) -> None:
    done = in_folder(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


class TestSql:
    def test_a_table(self, command: Run) -> None:
        done = command("sql", "SELECT 1.5::float8 AS x, 'a [b] c' AS text, NULL AS nothing")
        assert done.returncode == 0
        assert done.stdout.split() == ["x", "text", "nothing", "1.5", "a", "[b]", "c"]

    def test_csv_is_read_back_as_it_was(self, command: Run) -> None:
        done = command(
            "sql",
            "--csv",
            "SELECT n, 'a,\"b\"' AS text, DATE '2004-08-19' AS day, 0.1::float8 + 0.2 AS x"
            " FROM generate_series(1, 150) AS n ORDER BY n",
        )
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert len(rows) == 150
        assert rows[149]["n"] == "150"
        assert rows[0]["text"] == 'a,"b"'
        assert rows[0]["day"] == "2004-08-19"
        assert float(rows[0]["x"]) == 0.1 + 0.2

    def test_a_spreadsheet_runs_nothing_of_it(self, command: Run) -> None:
        statement = (
            "SELECT '=1+1' AS \"=a\", '@x' AS b, '-' AS c, -1 AS d, 'a=b' AS e, NULL::text AS f"
        )
        done = command("sql", "--csv", statement)
        assert done.stdout.splitlines() == ["'=a,b,c,d,e,f", "'=1+1,'@x,'-,-1,a=b,"]
        raw = command("sql", "--csv", "--raw", statement)
        assert raw.stdout.splitlines() == ["=a,b,c,d,e,f", "=1+1,@x,-,-1,a=b,"]

    def test_json(self, command: Run) -> None:
        done = command(
            "sql",
            "--json",
            "SELECT 1 AS n, 0.1::float8 + 0.2 AS x, NULL::float8 AS y, 'Zürich' AS text,"
            " DATE '2004-08-19' AS day, TIMESTAMPTZ '2004-08-19 10:00Z' AS moment,"
            " ARRAY[1, 2] AS a",
        )
        assert json.loads(done.stdout) == [
            {
                "n": 1,
                "x": 0.1 + 0.2,
                "y": None,
                "text": "Zürich",
                "day": "2004-08-19",
                "moment": "2004-08-19T10:00:00+00:00",
                "a": [1, 2],
            }
        ]

    def test_from_a_file_or_standard_input(self, command: Run, tmp_path: Path) -> None:
        file = tmp_path / "one.sql"
        file.write_text("SELECT 7 AS n; -- the end")
        assert command("sql", "--file", str(file), "--csv").stdout == "n\n7\n"
        file.write_text("SELECT 7 AS n -- the end")
        assert command("sql", "--file", str(file), "--csv").stdout == "n\n7\n"
        failed(command("sql", "--file", str(tmp_path / "two.sql")), "No such file")
        both = command("sql", "SELECT 1", "--file", str(file))
        assert both.returncode == 2
        assert "Give one statement" in both.stderr

    def test_a_long_result_is_cut_on_the_screen_only(self, command: Run) -> None:
        done = command("sql", "SELECT generate_series(1, 150) AS n")
        assert len(done.stdout.split()) == 101
        assert "50 more rows" in done.stderr

    def test_no_rows(self, command: Run) -> None:
        done = command("sql", "SELECT symbol FROM market_data")
        assert (done.returncode, done.stdout.strip()) == (0, "symbol")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM models",
            "SELECT 1; DELETE FROM models",
            "WITH gone AS (DELETE FROM models RETURNING *) SELECT * FROM gone",
        ],
    )
    def test_reads_only(self, command: Run, database: Database, statement: str) -> None:
        before = fetch(database, "SELECT count(*) FROM models")
        failed(command("sql", statement))
        assert fetch(database, "SELECT count(*) FROM models") == before

    def test_a_mistake(self, command: Run) -> None:
        failed(command("sql", "SELECT * FROM no_such_table"), "no_such_table", "db upgrade")

    def test_debug_after_the_command_is_not_ours(self, command: Run) -> None:
        done = command("sql", "SELECT * FROM no_such_table", "--debug")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr

    def test_debug_shows_the_traceback(self, command: Run) -> None:
        done = command("--debug", "sql", "SELECT * FROM no_such_table")
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "no_such_table" in done.stderr


class TestStatus:
    def test_of_a_provisioned_database(
        self, command: Run, database: Database, server: Server
    ) -> None:
        try:
            done = command("status")
            assert done.returncode == 0, done.stderr
            assert "Failing checks: none" in done.stdout
            assert "market_data" in done.stdout
            assert "empty" in done.stdout
        finally:
            name = fetch(database, "SELECT current_database()::text")[0][0]
            server.drop(f"{name}_dagster")

    def test_large_tables_are_not_counted(self, database: Database) -> None:
        """The server's own estimate stands in: counting tens of millions of rows takes seconds."""
        fetch(
            database,
            "INSERT INTO features (date, symbol, security_id)"
            " VALUES ('2004-08-19', 'A', 'A'), ('2004-08-20', 'A', 'A')",
        )
        first, last = date(2004, 8, 19), date(2004, 8, 20)
        assert status._extent(database, "features", 4_999_999) == ("2", first, last)
        assert status._extent(database, "features", 60_000_000) == ("~60,000,000", first, last)

    def test_of_an_empty_database(self, in_folder: Run, empty_database: Database) -> None:
        done = in_folder("status", DATABASE_URL=empty_database.url)
        assert done.returncode == 1
        assert "The database is empty" in done.stderr
        assert "quant-platform demo" in done.stderr
        assert "Traceback" not in done.stderr

    def test_hides_the_password(self, in_folder: Run) -> None:
        url = "postgresql://me:secret@127.0.0.1:9/market"
        failed(in_folder("status", DATABASE_URL=url), "No PostgreSQL server", "me:***@127.0.0.1:9")


class TestReport:
    def test_of_nothing(self, command: Run) -> None:
        failed(command("report"), "nothing to report on yet", "quant-platform demo")

    def test_of_a_session_without_figures(self, command: Run) -> None:
        failed(
            command("report", "--date", "2004-08-19"),
            "no figures for 2004-08-19",
            "backfill --start 2004-08-19",
        )

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("2004-08-21", "2004-08-20 and 2004-08-23"),
            ("soon", "is not a date"),
            ("1850-01-02", "calendar"),
        ],
    )
    def test_of_no_session(self, command: Run, text: str, word: str) -> None:
        for name in ("report", "ranking"):
            failed(command(name, "--date", text), word)


class TestBackfill:
    @pytest.mark.parametrize(
        ("start", "end", "word"),
        [
            ("2004-08-20", "2004-08-19", "reversed"),
            ("2004-08-21", "2004-08-22", "no exchange session"),
            ("1999-01-04", "1999-01-08", "2000-03-01 to 2013-03-01"),
            ("2004-08-32", "2004-09-01", "is not a date"),
        ],
    )
    def test_a_range_that_means_nothing(
        self, command: Run, start: str, end: str, word: str
    ) -> None:
        failed(command("backfill", "--start", start, "--end", end), word)

    def test_an_unknown_vendor(self, command: Run) -> None:
        done = command(
            "backfill",
            "--start",
            "2004-08-19",
            "--end",
            "2004-08-19",
            **{PREFIX + "VENDOR": "bloomberg"},
        )
        failed(done, "no vendor 'bloomberg'", "sample")


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (PREFIX + "CAPITAL", "lots"),
            (PREFIX + "SENSORS", "maybe"),
            (PREFIX + "SENSOR_SECONDS", "1"),
        ],
    )
    def test_a_wrong_value(self, in_folder: Run, name: str, text: str) -> None:
        failed(in_folder("status", **{name: text}), name, repr(text))

    def test_a_url_of_another_kind(self, in_folder: Run) -> None:
        done = in_folder("status", DATABASE_URL="mysql://me:secret@db/x")
        failed(done, "DATABASE_URL is not a PostgreSQL URL")
        assert "secret" not in done.stderr

    def test_the_file_env_is_read(self, in_folder: Run, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me@127.0.0.1:9/market\n")
        failed(in_folder("status"), "127.0.0.1:9")


class TestOpenSecrets:
    @pytest.mark.parametrize(
        ("line", "mode", "warned"),
        [
            ("POLYGON_API_KEY=abc", 0o644, True),
            ("POLYGON_API_KEY=abc", 0o640, True),
            ("POLYGON_API_KEY=abc", 0o600, False),
            ("POLYGON_API_KEY=", 0o644, False),
            ("# POLYGON_API_KEY=abc", 0o644, False),
            ("export DATABASE_URL='postgresql://me:secret@db/x'", 0o644, True),
            ("DATABASE_URL=postgresql://me@db/x", 0o644, False),
            ("QUANT_PLATFORM_ALERT_URLS=slack://abc/def/ghi", 0o644, True),
            ('QUANT_PLATFORM_ALERT_URLS="\nname=chat slack://abc"', 0o644, True),
            ("QUANT_PLATFORM_ALERT_URLS=alerts.txt\nPOLYGON_BASE_URL=https://x", 0o644, False),
            ("QUANT_PLATFORM_START=2024-01-02", 0o644, False),
        ],
    )
    def test_a_file_that_others_can_read_is_warned_of(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        line: str,
        mode: int,
        warned: bool,
    ) -> None:
        file = tmp_path / ".env"
        file.write_text(f"# settings\n{line}\n")
        file.chmod(mode)
        warn_of_open_secrets(tmp_path)
        said = capsys.readouterr().err
        assert ("chmod 600" in said) == warned
        assert "secret@" not in said
        assert "abc" not in said


class TestDev:
    @pytest.mark.parametrize("port", ["0", "99999", "-1", "ui"])
    def test_a_wrong_port(self, in_folder: Run, port: str) -> None:
        done = in_folder("dev", "--port", port)
        assert done.returncode == 2
        assert "--port" in done.stderr


class TestDb:
    def test_psql_shows_no_password_to_other_users(self) -> None:
        """`ps` shows a process's arguments to everybody; psql's are the address."""
        url = "postgresql://me:s3cret%40@db.example:5433/my%20market?sslmode=require"
        with for_a_process_list(url) as (address, secrets):
            assert secrets == {"PGPASSWORD": "s3cret@"}
        assert "s3cret" not in address
        assert parse_dsn(address) == {
            "user": "me",
            "host": "db.example",
            "port": "5433",
            "dbname": "my market",
            "sslmode": "require",
        }
        with for_a_process_list("postgresql://me@/x") as (_, secrets):
            assert secrets == {}

    def test_psql_shows_no_password_of_a_key_either(self) -> None:
        url = "postgresql://me@db.example/market?sslkey=%2Fk.pem&sslpassword=s3cret"
        with for_a_process_list(url) as (address, variables):
            assert "s3cret" not in address
            assert parse_dsn(address)["sslkey"] == "/k.pem"
            file = Path(variables["PGSERVICEFILE"])
            assert file.stat().st_mode & 0o077 == 0
            assert file.read_text() == "[quant_platform]\nsslpassword=s3cret\n"
            assert f"service={parse_dsn(address)['service']}" == "service=quant_platform"
        assert not file.exists()

    def test_psql_reads_the_file_of_services(self, database: Database) -> None:
        with for_a_process_list(f"{database.url}&sslpassword=s3cret") as (address, variables):
            done = subprocess.run(
                [client_program("psql"), "-XAt", "-d", address, "-c", "SELECT 1"],
                env=os.environ | variables,
                capture_output=True,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr

    def test_upgrade_and_again(self, in_folder: Run, empty_database: Database) -> None:
        url = {"DATABASE_URL": empty_database.url}
        first = in_folder("db", "upgrade", **url)
        assert first.returncode == 0
        assert "applied 0001_tables" in first.stdout
        assert "applied features.sma_10" in first.stdout
        again = in_folder("db", "upgrade", **url)
        assert (again.returncode, again.stdout.strip()) == (0, "The schema is up to date")

    def test_url_is_made_to_be_passed_on(self, command: Run, database: Database) -> None:
        done = command("db", "url")
        assert (done.returncode, done.stdout) == (0, database.url + "\n")

    def test_psql(self, command: Run) -> None:
        done = command("db", "psql", "--", "-At", "-c", "SELECT count(*) > 0 FROM models")
        assert (done.returncode, done.stdout.strip()) == (0, "t")
        assert command("db", "psql", "--", "-c", "SELEC").returncode != 0
        # Options of psql need no -- before them.
        done = command("db", "psql", "-At", "-c", "SELECT 1")
        assert (done.returncode, done.stdout.strip()) == (0, "1")

    def test_reset_asks_first(self, command: Run, database: Database) -> None:
        done = command("db", "reset")
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert fetch(database, "SELECT to_regclass('models') IS NOT NULL") == [(True,)]

    def test_reset(self, command: Run, database: Database) -> None:
        done = command("db", "reset", "--yes")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("deleted") == 2
        assert fetch(database, "SELECT to_regclass('models')") == [(None,)]
        assert command("db", "upgrade").returncode == 0
        assert fetch(database, "SELECT to_regclass('models') IS NOT NULL") == [(True,)]


def test_dev_on_a_port_that_is_taken(command: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        failed(command("dev", "--port", port), f"Port {port}", "is taken", "--port")


def test_a_fault_of_ours_is_one_line_too(in_folder: Run, tmp_path: Path) -> None:
    """Whatever goes wrong below: one line, and all of it with --debug."""
    (tmp_path / "home").write_text("a file where a folder should be")
    home = {PREFIX + "HOME": str(tmp_path / "home")}
    failed(in_folder("db", "upgrade", **home), "does not start")
    assert "Traceback" in in_folder("--debug", "db", "upgrade", **home).stderr
