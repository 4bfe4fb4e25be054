"""Where the key comes from: the environment, `.env`, or AWS SSM Parameter Store.

The first two are read with the settings. AWS is asked only when the key is needed and neither has
it: once per process, with AWS's own configuration (environment, profile or role). The parameter is
a SecureString; its name is a setting, usually `/quant-platform/polygon-api-key`. No error here
holds a secret or the text of AWS's answer.
"""

from functools import lru_cache
from typing import Any

from quant_platform.errors import KeyMissingError, SettingsError, VendorDownError
from quant_platform.settings import Secret
from quant_platform.settings.values import usable_key
from quant_platform.vendors.polygon.settings import SSM_PARAMETER, PolygonSettings

CONNECT_SECONDS = 5
READ_SECONDS = 10
ATTEMPTS = 3

_WRONG_CREDENTIALS = {
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}
"""AWS's error codes for missing, unknown and expired credentials."""


def polygon_key(settings: PolygonSettings) -> Secret:
    """Return the key for Polygon.io / Massive.com.

    Raises
    ------
    KeyMissingError
        No key is configured.
    SettingsError
        The parameter that should hold it cannot be read.
    VendorDownError
        AWS does not answer.
    """
    if settings.key and settings.key.reveal().strip():
        return settings.key
    if settings.ssm_parameter:
        return _parameter(settings.ssm_parameter)
    raise KeyMissingError(
        "There is no key for Polygon.io / Massive.com",
        f"Set POLYGON_API_KEY or MASSIVE_API_KEY in .env, or {SSM_PARAMETER} to the parameter of"
        " AWS that holds it",
    )


def import_boto3(purpose: str) -> Any:
    """Return the module boto3, which comes with an extra; `purpose` names what needs it."""
    try:
        import boto3
    except ImportError:
        raise SettingsError(
            f"{purpose} needs the package boto3, which is not installed",
            "Run: pip install 'quant-platform[aws]'",
        ) from None
    return boto3


@lru_cache(maxsize=8)
def _parameter(name: str) -> Secret:
    """Return the parameter's value, decrypted; asked of AWS once a process."""
    # An answer that is not from AWS, such as a proxy's page, has no parameter in it.
    text = str(_ask(name).get("Parameter", {}).get("Value", "")).strip()
    if not usable_key(text):
        raise SettingsError(
            f"The parameter {name} holds no key",
            "Store the key alone in it, without quotes or spaces, or name another in"
            f" {SSM_PARAMETER}",
        )
    return Secret(text)


def _ask(name: str) -> Any:
    boto3 = import_boto3(f"{SSM_PARAMETER} ({name})")
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _client(boto3).get_parameter(Name=name, WithDecryption=True)
    except (BotoCoreError, ClientError) as error:
        failure = _explained(error, name)
    # Raised outside the handler, so that the text of AWS's answer is not in the traceback.
    raise failure


def _client(boto3: Any) -> Any:
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return boto3.session.Session().client("ssm", config=config)


def _explained(error: Exception, name: str) -> SettingsError | VendorDownError:
    """What failed, and what to do, in the project's own words."""
    from botocore import exceptions

    where = f"The parameter {name} of AWS cannot be read"
    if isinstance(error, exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return _refused(code, status, name, where)
    if isinstance(error, exceptions.NoRegionError):
        return SettingsError(f"{where}: no region is set", "Set AWS_DEFAULT_REGION")
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return VendorDownError(
            f"{where}: AWS does not answer",
            "Check the network and try again, or set the key itself",
        )
    incomplete = (
        exceptions.CredentialRetrievalError,
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
    )
    if isinstance(error, incomplete):
        return SettingsError(
            f"{where}: there are no AWS credentials ({type(error).__name__})",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or use a machine"
            " with a role",
        )
    return SettingsError(f"{where} ({type(error).__name__})", "Check the configuration of AWS")


def _refused(code: str, status: int, name: str, where: str) -> SettingsError | VendorDownError:
    if code in ("ParameterNotFound", "ParameterVersionNotFound"):
        return SettingsError(
            f"There is no parameter {name} in this AWS account and region",
            f"Check {SSM_PARAMETER} and AWS_DEFAULT_REGION, or create it as a SecureString",
        )
    if code in ("AccessDenied", "AccessDeniedException"):
        return SettingsError(
            f"{where}: access denied",
            "Allow ssm:GetParameter on it, and kms:Decrypt where it has a key of its own",
        )
    if code in _WRONG_CREDENTIALS:
        return SettingsError(
            f"{where}: AWS does not accept the credentials ({code})",
            "Renew AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in again",
        )
    if code == "ThrottlingException" or status >= 500:
        return VendorDownError(f"{where}: AWS answers {code}", "Try again later")
    return SettingsError(f"{where}: AWS answers {code or 'with a fault'}", f"Check {SSM_PARAMETER}")
