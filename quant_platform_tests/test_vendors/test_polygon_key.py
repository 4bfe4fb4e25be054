"""The vendor's key: settings first, then AWS, asked late, once, and never quoted in an error."""

import builtins
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from quant_platform.errors import (
    KeyMissingError,
    QuantPlatformError,
    SettingsError,
    VendorDownError,
)
from quant_platform.settings import Secret, Settings
from quant_platform.vendors.polygon import key as key_module
from quant_platform.vendors.polygon.key import polygon_key
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.vendor_registry import vendor_of

NAME = "/quant-platform/polygon-api-key"
KEY = "kR5sT0pQ"
IN_AWS = PolygonSettings(ssm_parameter=NAME)

AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
}
"""The pair of keys is the one of AWS's own documentation."""


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as a machine with credentials sees it, without the developer's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    key_module._parameter.cache_clear()
    yield
    key_module._parameter.cache_clear()


def store(value: str, kind: str = "SecureString") -> None:
    boto3.client("ssm").put_parameter(Name=NAME, Value=value, Type=kind, Overwrite=True)


def failure(settings: PolygonSettings = IN_AWS) -> QuantPlatformError:
    """Return the error of asking for the key, having looked for secrets in all of its text."""
    with pytest.raises(QuantPlatformError) as caught:
        polygon_key(settings)
    text = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert KEY not in text
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in text
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_the_key_of_the_settings_comes_first() -> None:
    settings = PolygonSettings(key=Secret(KEY), ssm_parameter=NAME)
    assert polygon_key(settings) == Secret(KEY)


def test_without_a_key_the_error_says_where_to_put_one() -> None:
    error = failure(PolygonSettings())
    assert isinstance(error, KeyMissingError)
    for name in ("POLYGON_API_KEY", "MASSIVE_API_KEY", "QUANT_PLATFORM_SSM_PARAMETER"):
        assert name in error.hint


@mock_aws
def test_the_key_is_decrypted() -> None:
    store(f"{KEY}\n")
    key = polygon_key(IN_AWS)
    assert key.reveal() == KEY
    assert KEY not in f"{key} {key!r}"


@mock_aws
def test_aws_is_asked_once_a_process() -> None:
    store(KEY)
    assert polygon_key(IN_AWS) == Secret(KEY)
    store("another")
    assert polygon_key(IN_AWS) == Secret(KEY)


@mock_aws
def test_a_failure_is_not_remembered() -> None:
    failure()
    store(KEY)
    assert polygon_key(IN_AWS) == Secret(KEY)


@mock_aws
def test_reading_the_settings_does_not_ask_aws(tmp_path: Path) -> None:
    # There is no such parameter: asking would fail.
    settings = Settings.load({"QUANT_PLATFORM_SSM_PARAMETER": NAME}, tmp_path)
    assert PolygonSettings.read(settings.environment) == IN_AWS
    assert vendor_of(settings).name == "polygon"


@mock_aws
def test_a_missing_parameter_is_named() -> None:
    error = failure()
    assert isinstance(error, SettingsError)
    assert error.message.startswith(f"There is no parameter {NAME}")
    assert "QUANT_PLATFORM_SSM_PARAMETER" in error.hint


@mock_aws
@pytest.mark.parametrize("value", [f"{KEY} {KEY}", f'{{"key": "{KEY}"}}', " "])
def test_a_parameter_that_holds_no_key_is_not_quoted(value: str) -> None:
    store(value)
    assert failure().message == f"The parameter {NAME} holds no key"


def test_without_credentials_the_error_says_how_to_give_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure()
    assert isinstance(error, SettingsError)
    assert "no AWS credentials" in error.message
    assert "AWS_PROFILE" in error.hint


def test_half_of_the_credentials_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS credentials" in failure().message


def test_an_unknown_profile_is_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "no AWS credentials (ProfileNotFound)" in failure().message


def test_without_a_region_the_error_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert failure().hint == "Set AWS_DEFAULT_REGION"


def test_aws_that_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody listens on port 1 of this machine.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(key_module, "ATTEMPTS", 1)
    error = failure()
    assert isinstance(error, VendorDownError)
    assert "AWS does not answer" in error.message


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (400, "AccessDeniedException", SettingsError, "access denied"),
        (400, "UnrecognizedClientException", SettingsError, "does not accept the credentials"),
        (400, "ExpiredTokenException", SettingsError, "does not accept the credentials"),
        (400, "ThrottlingException", VendorDownError, "answers ThrottlingException"),
        (400, "ValidationException", SettingsError, "answers ValidationException"),
        (500, "InternalServerError", VendorDownError, "answers InternalServerError"),
        (503, "503", VendorDownError, "answers 503"),
    ],
)
def test_a_refusal_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    kind: type[QuantPlatformError],
    text: str,
) -> None:
    from botocore.stub import Stubber

    client = boto3.client("ssm")
    # AWS's own text may quote what it was sent.
    message = f"User arn:aws:iam::123456789012:user/me may not read {KEY}"
    stub = Stubber(client)
    stub.add_client_error("get_parameter", code, message, http_status_code=status)
    monkeypatch.setattr(key_module, "_client", lambda boto3: client)
    with stub:
        error = failure()
    assert type(error) is kind
    assert text in error.message


def test_without_boto3_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_boto3(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "boto3":
            raise ImportError(name)
        return original(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_boto3)
    error = failure()
    assert isinstance(error, SettingsError)
    assert error.hint == "Run: pip install 'quant-platform[aws]'"
