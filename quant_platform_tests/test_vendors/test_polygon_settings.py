"""`PolygonSettings`: which texts it understands, and what an error says of the others."""

import traceback
from pathlib import Path

import pytest

from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX, Environment, Secret, Settings
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.vendor_registry import vendor_of

KEY = "kR5sT0pQ"
"""A made-up key that must not be shown."""

VARIABLES = (
    "POLYGON_API_KEY",
    "MASSIVE_API_KEY",
    "POLYGON_BASE_URL",
    "POLYGON_CALLS_PER_MINUTE",
    "POLYGON_CONNECTIONS",
    "POLYGON_S3_ENDPOINT",
    "POLYGON_S3_BUCKET",
    "POLYGON_S3_KEY_ID",
    "POLYGON_S3_SECRET",
    "QUANT_PLATFORM_SSM_PARAMETER",
)


def load(tmp_path: Path, **values: str) -> Settings:
    return Settings.load(values, tmp_path)


def read(settings: Settings) -> PolygonSettings:
    return PolygonSettings.read(settings.environment)


def polygon(**values: str) -> PolygonSettings:
    return PolygonSettings.read(Environment(values))


def test_an_empty_value_is_no_value() -> None:
    assert polygon(**dict.fromkeys(VARIABLES, " ")) == PolygonSettings()


def test_the_environment_wins_under_either_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POLYGON_API_KEY=old\n")
    assert read(load(tmp_path, MASSIVE_API_KEY=KEY)).key == Secret(KEY)
    assert read(load(tmp_path)).key == Secret("old")


@pytest.mark.parametrize("name", ["POLYGON_API_KEY", "MASSIVE_API_KEY"])
def test_with_a_key_the_market_is_the_vendor_s(tmp_path: Path, name: str) -> None:
    settings = load(tmp_path, **{name: f" {KEY} "})
    assert read(settings).key == Secret(KEY)
    assert vendor_of(settings).name == "polygon"
    assert vendor_of(load(tmp_path, **{name: KEY, PREFIX + "VENDOR": "sample"})).name == "sample"


def test_a_key_in_aws_is_a_key_and_nobody_asks_for_it(tmp_path: Path) -> None:
    settings = load(tmp_path, **{PREFIX + "SSM_PARAMETER": "/quant-platform/polygon-api-key"})
    assert vendor_of(settings).name == "polygon"
    assert read(settings).key is None
    assert read(settings).ssm_parameter == "/quant-platform/polygon-api-key"


def test_a_key_is_sent_to_the_host_of_its_name() -> None:
    old, new = "https://api.polygon.io", "https://api.massive.com"
    assert polygon(POLYGON_API_KEY=KEY).base_url == old
    assert polygon(MASSIVE_API_KEY=KEY).base_url == new
    both = polygon(POLYGON_API_KEY=KEY, MASSIVE_API_KEY="other")
    assert (both.key, both.base_url) == (Secret(KEY), old)
    proxy = polygon(MASSIVE_API_KEY=KEY, POLYGON_BASE_URL="http://[::1]:8080/api/")
    assert proxy.base_url == "http://[::1]:8080/api"


def test_values_of_polygon(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        POLYGON_CALLS_PER_MINUTE="0",
        POLYGON_CONNECTIONS="16",
        POLYGON_S3_ENDPOINT="https://files.polygon.io/",
        POLYGON_S3_BUCKET="other-files",
        POLYGON_S3_KEY_ID="id",
        POLYGON_S3_SECRET=KEY,
    )
    assert read(settings) == PolygonSettings(
        calls_per_minute=0,
        connections=16,
        s3_endpoint="https://files.polygon.io",
        s3_bucket="other-files",
        s3_key_id=Secret("id"),
        s3_secret=Secret(KEY),
    )
    assert vendor_of(settings).name == "sample"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POLYGON_CALLS_PER_MINUTE", "many"),
        ("POLYGON_CALLS_PER_MINUTE", "-1"),
        ("POLYGON_CONNECTIONS", "0"),
        ("POLYGON_CONNECTIONS", "65"),
        ("POLYGON_S3_BUCKET", "Flat Files"),
        ("QUANT_PLATFORM_SSM_PARAMETER", "my key"),
    ],
)
def test_a_wrong_value_of_polygon_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{text}'. It must be"):
        polygon(**{name: text})


@pytest.mark.parametrize("name", ["POLYGON_BASE_URL", "POLYGON_S3_ENDPOINT"])
@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{KEY}@api.polygon.io",
        f"https://{KEY}@api.polygon.io",
        f"https://api.polygon.io?apiKey={KEY}",
        f"https://api.polygon.io/?apiKey={KEY}",
        f"https://api.polygon.io#{KEY}",
        f"ftp://api.polygon.io/{KEY}",
        f"api.polygon.io/{KEY}",
        f"https:///{KEY}",
        f"https://api.polygon.io:99999/{KEY}",
        f"https://api.polygon.io:0/{KEY}",
        f"https://api.polygon.io/ {KEY}",
        f"https://api.polygon.io\\@{KEY}",
        KEY,
    ],
)
def test_a_wrong_address_is_refused_without_showing_it(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not the address") as caught:
        polygon(**{name: url})
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["POLYGON_API_KEY", "MASSIVE_API_KEY", "POLYGON_S3_KEY_ID", "POLYGON_S3_SECRET"]
)
@pytest.mark.parametrize("text", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}é", f"Bearer {KEY}"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        polygon(**{name: text})
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["POLYGON_S3_KEY_ID", "POLYGON_S3_SECRET"])
def test_flat_files_need_both_keys(name: str) -> None:
    with pytest.raises(SettingsError, match="POLYGON_S3_KEY_ID and POLYGON_S3_SECRET") as caught:
        polygon(**{name: KEY})
    assert KEY not in str(caught.value)


def test_no_key_in_what_is_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, POLYGON_API_KEY=KEY, POLYGON_S3_KEY_ID=KEY, POLYGON_S3_SECRET=KEY)
    own = read(settings)
    for text in (repr(settings), f"{settings}", repr(own), f"{own}", f"{own.key}"):
        assert KEY not in text
        assert "***" in text
    assert own.key is not None
    assert own.key.reveal() == KEY


def test_settings_of_a_vendor_that_is_not_chosen_are_not_read(tmp_path: Path) -> None:
    wrong = {"POLYGON_API_KEY": KEY, "POLYGON_CONNECTIONS": "none"}
    assert vendor_of(load(tmp_path, **wrong, **{PREFIX + "VENDOR": "sample"})).name == "sample"
    with pytest.raises(SettingsError, match="POLYGON_CONNECTIONS is 'none'"):
        vendor_of(load(tmp_path, **wrong))


def test_a_vendor_is_made_anew_for_other_settings_of_its_own(tmp_path: Path) -> None:
    first = vendor_of(load(tmp_path, POLYGON_API_KEY=KEY))
    assert vendor_of(load(tmp_path, POLYGON_API_KEY=KEY, OTHER="1")) is first
    assert vendor_of(load(tmp_path, POLYGON_API_KEY="another")) is not first
