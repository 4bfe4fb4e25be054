import os
import re
from pathlib import Path

import pytest

import quant_platform
from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX, Settings, project_root, without_password


def load(tmp_path: Path, **values: str) -> Settings:
    return Settings.load(values, tmp_path)


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings(
        home=tmp_path / ".quant-platform", database_url=None, dagster_database_url=None
    )
    assert (settings.vendor, settings.capital) == ("sample", 1_000_000.0)
    assert (settings.commission_bp, settings.slippage_bp, settings.risk_free) == (5.0, 5.0, 0.0)
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
        "postgresql://me:secret@db/x",
        "postgresql://me:se%2Fcret@db/x",
        "postgresql://:secret@db/x",
        "postgresql://me@db/x?password=secret",
        "postgresql://me@db/x?sslmode=require&password=secret&connect_timeout=3",
        "postgresql://me@db/x?sslpassword=secret",
        "postgresql://me:secret@[::1]:5432/x",
        "postgresql://me:secret@one:5432,two:5433/x",
        "postgresql://me:secret@/x?host=/run/postgresql",
        "postgresql://me:secret@db",
    ],
)
def test_no_password_in_what_is_shown(tmp_path: Path, url: str) -> None:
    for text in (repr(load(tmp_path, DATABASE_URL=url)), without_password(url)):
        assert "cret" not in text
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
    ],
)
def test_a_wrong_value_names_variable_and_remedy(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{PREFIX}{name} is '{text}'") as caught:
        load(tmp_path, **{PREFIX + name: text})
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
        },
    )
    assert (settings.capital, settings.commission_bp, settings.risk_free) == (250_000.0, 0.0, 0.02)
    assert (settings.sensor_status, settings.sensor_seconds) == ("stopped", 60)
    assert settings.vendor == "other"


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    names = ("HOME", "VENDOR", "CAPITAL", "SENSORS", "SENSOR_SECONDS")
    empty = {PREFIX + name: "" for name in names} | {"DATABASE_URL": " "}
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
    with pytest.raises(AttributeError):
        load(tmp_path).capital = 1.0  # type: ignore[misc]
    assert hash(load(tmp_path)) == hash(load(tmp_path))


def test_the_example_file_names_every_variable() -> None:
    """`.env.example` and the comments of `Settings` speak of the same variables."""
    example = (Path(__file__).parents[1] / ".env.example").read_text()
    source = (Path(quant_platform.__file__).parent / "settings.py").read_text()
    told = set(re.findall(rf"^# ({PREFIX}\w+|\w*DATABASE_URL)=", example, re.MULTILINE))
    read = set(re.findall(rf"  # ({PREFIX}\w+|\w*DATABASE_URL)\b", source))
    assert told == read
    assert len(read) == 11
