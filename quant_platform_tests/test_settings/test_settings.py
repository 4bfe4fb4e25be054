import os
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from quant_platform.errors import SettingsError
from quant_platform.settings import (
    PREFIX,
    Environment,
    Settings,
    project_root,
    without_password,
)

KEY = "kR5sT0pQ"
"""A made-up key that must not be shown."""


def load(tmp_path: Path, **values: str) -> Settings:
    return Settings.load(values, tmp_path)


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings(
        home=tmp_path / ".quant-platform", database_url=None, dagster_database_url=None
    )
    assert (settings.vendor, settings.capital) == (None, 1_000_000.0)
    assert (settings.commission_bp, settings.slippage_bp, settings.risk_free) == (None, None, 0.0)
    assert settings.sensor_status == "running"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "DAGSTER_DATABASE_URL"])
def test_every_form_of_url(tmp_path: Path, scheme: str, name: str) -> None:
    settings = load(tmp_path, **{name: f"  {scheme}://me:s%40t@db:5433/market?sslmode=require "})
    expected = "postgresql://me:s%40t@db:5433/market?sslmode=require"
    assert getattr(settings, name.lower()) == expected


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@db/x", "secret", "postgresql:/db/secret", "sqlite:///secret.db"]
)
def test_what_is_no_postgres_url_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL is not a PostgreSQL URL") as caught:
        load(tmp_path, DATABASE_URL=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db/x",
        "postgresql://me:hun%2Fter2@db/x",
        "postgresql://:hunter2@db/x",
        "postgresql://me@db/x?password=hunter2",
        "postgresql://me@db/x?sslmode=require&password=hunter2&connect_timeout=3",
        "postgresql://me@db/x?sslpassword=hunter2",
        "postgresql://me:hunter2@[::1]:5432/x",
        "postgresql://me:hunter2@one:5432,two:5433/x",
        "postgresql://me:hunter2@/x?host=/run/postgresql",
        "postgresql://me:hunter2@db",
    ],
)
def test_no_password_in_what_is_shown(tmp_path: Path, url: str) -> None:
    for text in (repr(load(tmp_path, DATABASE_URL=url)), without_password(url)):
        assert "ter2" not in text
        assert "***" in text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sec/ret@db/x",
        "postgresql://me:sec?ret@db/x",
        "postgresql://me:sec#ret@db/x",
        "postgresql://me:sec@ret@db/x",
        "postgresql://me:secret@db:notaport/x",
        "postgresql://me:secret@[broken/x",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as caught:
        load(tmp_path, DATABASE_URL=url)
    for text in (str(caught.value), without_password(url)):
        assert "sec" not in text
        assert "ret@" not in text


def test_a_url_without_password_is_shown_whole(tmp_path: Path) -> None:
    url = "postgresql://me@db:5433/x?sslmode=require"
    assert without_password(url) == url
    assert "me@db:5433" in repr(load(tmp_path, DATABASE_URL=url))
    assert without_password("postgresql://me:secret@db:5433/x") == "postgresql://me:***@db:5433/x"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CAPITAL", "lots"),
        ("CAPITAL", "0"),
        ("CAPITAL", "-5"),
        ("CAPITAL", "nan"),
        ("CAPITAL", "inf"),
        ("COMMISSION_BP", "-1"),
        ("COMMISSION_BP", "1001"),
        ("SLIPPAGE_BP", "five"),
        ("RISK_FREE", "5"),
        ("SENSORS", "maybe"),
        ("SENSOR_SECONDS", "4"),
        ("SENSOR_SECONDS", "30.5"),
        ("SENSOR_MAX_SESSIONS", "0"),
        ("SENSOR_MAX_SESSIONS", "2.5"),
        ("START", "2024-02-30"),
        ("START", "20240102"),
        ("START", "2024-W01-2"),
        ("START", "yesterday"),
        ("UNIVERSE", "top:500\ttypes:CS"),
        ("CORRECTION_SESSIONS", "-1"),
        ("CORRECTION_SESSIONS", "1.5"),
        ("REFERENCE", "yearly"),
        ("IDENTITY_DOLLARS", "-1"),
        ("CHECKS", "stale prices"),
        ("CHECKS", "stale="),
        ("LATE_HOURS", "soon"),
        ("CLOSURES", "tomorrow"),
        ("CLOSURES", "20261224"),
        ("CLOSURES", "2026-12-24 2026-12-31"),
        ("CLOSURES", "2026-12-24, 2026-02-30"),
        ("CLOSURES", "2026-12-24\n2026-12-31"),
        ("CLOSURES", ","),
    ],
)
def test_a_wrong_value_names_variable_and_remedy(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **{PREFIX + name: text})
    assert caught.value.message == f"{PREFIX}{name} is {text!r}"
    assert "must be" in caught.value.hint


def test_values(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        **{
            PREFIX + "CAPITAL": " 2.5e5 ",
            PREFIX + "COMMISSION_BP": "0",
            PREFIX + "RISK_FREE": "0.02",
            PREFIX + "SENSORS": "Stopped",
            PREFIX + "SENSOR_SECONDS": "60",
            PREFIX + "VENDOR": "other",
            PREFIX + "START": " 2024-01-02",
            PREFIX + "UNIVERSE": "top:500 price:5",
            PREFIX + "CORRECTION_SESSIONS": "0",
            PREFIX + "REFERENCE": "Daily",
            PREFIX + "IDENTITY_DOLLARS": "5e6",
            PREFIX + "CHECKS": "stale_prices=warn:20, jumps=error:0.5",
            PREFIX + "LATE_HOURS": "12",
            PREFIX + "RETRY_MINUTES": "0.5",
            PREFIX + "CLOSURES": " 2026-12-31,2026-12-24 , 2026-12-31, ",
        },
    )
    assert (settings.capital, settings.commission_bp, settings.risk_free) == (250_000.0, 0.0, 0.02)
    assert (settings.sensor_status, settings.sensor_seconds) == ("stopped", 60)
    assert settings.vendor == "other"
    assert (settings.start, settings.universe) == ("2024-01-02", "top:500 price:5")
    assert (settings.correction_sessions, settings.reference) == (0, "daily")
    assert (settings.identity_dollars, settings.late_hours) == (5e6, 12.0)
    assert settings.retry_minutes == 0.5
    assert settings.closures == (date(2026, 12, 24), date(2026, 12, 31))
    assert settings.checks == "stale_prices=warn:20, jumps=error:0.5"


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    names = (
        "HOME",
        "VENDOR",
        "CAPITAL",
        "SENSORS",
        "SENSOR_SECONDS",
        "START",
        "UNIVERSE",
        "CHECKS",
        "CLOSURES",
    )
    empty = {PREFIX + name: "" for name in names}
    empty |= {"DATABASE_URL": " ", "UNIVERSE": ""}
    assert load(tmp_path, **empty) == load(tmp_path)


def test_home_is_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    home = PREFIX + "HOME"
    assert Settings.load({home: "state"}, inner).home == tmp_path / "state"
    assert Settings.load({home: "/srv/state"}, inner).home == Path("/srv/state")
    assert Settings.load({home: "~/state"}, inner).home == Path.home() / "state"


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    lines = [f"{PREFIX}CAPITAL=5000", "DATABASE_URL='postgres://me:x@db/y'", f"{PREFIX}RISK_FREE"]
    (tmp_path / ".env").write_text("\n".join([*lines, "# a comment", "OTHER=1"]))
    assert load(tmp_path).capital == 5000.0
    assert load(tmp_path).database_url == "postgresql://me:x@db/y"
    assert load(tmp_path, **{PREFIX + "CAPITAL": "7000"}).capital == 7000.0
    assert "OTHER" not in os.environ


def test_reads_the_process_s_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "CAPITAL", "1234")
    assert Settings.load(start=tmp_path).capital == 1234.0
    (tmp_path / ".env").touch()
    monkeypatch.chdir(tmp_path)
    assert Settings.load().home == tmp_path / ".quant-platform"


@pytest.mark.parametrize("marker", [".quant-platform", ".env", "workspace.yaml"])
def test_the_project_is_the_nearest_folder_with_a_marker(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / marker).touch()
    assert project_root(inner) == tmp_path
    (inner / marker).touch()
    assert project_root(inner) == inner


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(tmp_path).capital = 1.0
    assert hash(load(tmp_path)) == hash(load(tmp_path))


def test_the_environment_wins_under_either_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QUANT_PLATFORM_UNIVERSE=all\n")
    assert load(tmp_path, UNIVERSE="top:50").universe == "top:50"
    assert load(tmp_path).universe == "all"
    assert load(tmp_path, QUANT_PLATFORM_UNIVERSE="").universe is None


def test_the_universe_has_a_plain_name(tmp_path: Path) -> None:
    assert load(tmp_path, UNIVERSE=" AAPL,MSFT ").universe == "AAPL,MSFT"
    both = {"UNIVERSE": "all", PREFIX + "UNIVERSE": "top:500"}
    assert load(tmp_path, **both).universe == "top:500"


def test_no_text_of_the_environment_is_shown(tmp_path: Path) -> None:
    """A vendor's key is among them, and the ground floor does not know which one it is."""
    settings = load(tmp_path, SOME_KEY=KEY)
    for text in (repr(settings), f"{settings}", repr(settings.environment)):
        assert KEY not in text
        assert "***" in text
    assert settings.environment.find("SOME_KEY") == ("SOME_KEY", KEY)


def test_settings_differ_by_what_is_read_from_them(tmp_path: Path) -> None:
    """Other variables of a process, such as DAGSTER_HOME, make no other settings."""
    settings = load(tmp_path)
    assert load(tmp_path, DAGSTER_HOME="/srv/dagster") == settings
    assert hash(load(tmp_path, DAGSTER_HOME="/srv/dagster")) == hash(settings)
    assert load(tmp_path, **{PREFIX + "CAPITAL": "5"}) != settings


def test_a_wrong_value_in_code_is_refused_without_showing_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(database_url=f"mysql://me:{KEY}@db/x")
    assert KEY not in str(caught.value)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings(polygon=None)  # type: ignore[call-arg]


class TestEnvironment:
    """Which text a setting has."""

    def test_the_process_comes_before_the_file(self) -> None:
        both = Environment({"A": "1"}, {"A": "2", "B": "3"})
        assert both.find("A") == ("A", "1")
        assert both.find("B") == ("B", "3")
        assert both.find("C") == ("", "")

    def test_an_empty_text_of_the_process_hides_the_file(self) -> None:
        assert Environment({"A": " "}, {"A": "2"}).find("A") == ("", "")

    def test_the_first_name_counts_unless_it_is_empty(self) -> None:
        assert Environment({"A": "1", "B": "2"}).find("A", "B") == ("A", "1")
        assert Environment({"A": "", "B": "2"}).find("A", "B") == ("B", "2")
        assert Environment({"B": "2"}, {"A": "1"}).find("A", "B") == ("B", "2")

    def test_has(self) -> None:
        assert Environment({"A": " ", "B": "2"}).has("A", "B")
        assert not Environment({"A": " "}).has("A", "B")
