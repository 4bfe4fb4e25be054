"""`PolygonSettings`: how to reach Polygon.io, which is Massive.com since October 2025.

A key that is not among them is looked up in `key.py`.
"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX, Environment, SettingsModel, Variable
from quant_platform.settings.values import Address, Form, Key, address_form, matching

POLYGON_URL = "https://api.polygon.io"
MASSIVE_URL = "https://api.massive.com"
"""Where a key of that name is sent."""

FILES_URL = "https://files.massive.com"

KEY_NAMES = ("POLYGON_API_KEY", "MASSIVE_API_KEY")
SSM_PARAMETER = PREFIX + "SSM_PARAMETER"
BASE_URL = "POLYGON_BASE_URL"

GROUP = "Polygon.io, which is Massive.com since October 2025"

Bucket = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    Form("the name of a bucket, such as flatfiles"),
]

Parameter = Annotated[
    str,
    matching(r"[\w./:-]+"),
    Form("the name of a parameter, such as /quant-platform/polygon-api-key"),
]


class PolygonSettings(SettingsModel):
    """Key, addresses and limits of the vendor `polygon`."""

    key: Annotated[Key | None, Variable(GROUP, KEY_NAMES[0], also=KEY_NAMES[1])] = Field(
        default=None,
        description="The key, under its old or its new name; where both are set, the first one"
        " counts. A key of the new name is sent to api.massive.com, one of the old name to"
        " api.polygon.io, if no address is set.",
    )
    ssm_parameter: Annotated[Parameter | None, Variable(GROUP, SSM_PARAMETER)] = Field(
        default=None,
        description="Without a key here: name of a SecureString in AWS SSM Parameter Store that"
        " holds it, by custom /quant-platform/polygon-api-key. Needs `pip install"
        " 'quant-platform[aws]'`; AWS's own variables (AWS_PROFILE, AWS_DEFAULT_REGION, ...) are"
        " read from the environment, not from `.env`.",
    )
    base_url: Annotated[Address, address_form(POLYGON_URL), Variable(GROUP, BASE_URL)] = Field(
        default=POLYGON_URL,
        description="Address of the API, or of a proxy before it; by default the key's own host.",
    )
    calls_per_minute: Annotated[int, Variable(GROUP, "POLYGON_CALLS_PER_MINUTE")] = Field(
        default=5,
        ge=0,
        le=100_000,
        description="Requests in any 60 seconds, all processes of this machine together: 5 on the"
        " free plan, 0 for a plan without a limit.",
    )
    connections: Annotated[int, Variable(GROUP, "POLYGON_CONNECTIONS")] = Field(
        default=8, ge=1, le=64, description="Requests in flight at once."
    )
    s3_key_id: Annotated[Key | None, Variable(GROUP, "POLYGON_S3_KEY_ID")] = Field(
        default=None,
        description="Flat files, one a session, for bulk backfills on plans that have them: this"
        " key and the next one (of the dashboard's page on flat files, not the API key) turn them"
        " on.",
    )
    s3_secret: Annotated[Key | None, Variable(GROUP, "POLYGON_S3_SECRET")] = Field(
        default=None, description="The other key of the flat files."
    )
    s3_endpoint: Annotated[
        Address, address_form(FILES_URL), Variable(GROUP, "POLYGON_S3_ENDPOINT")
    ] = Field(default=FILES_URL, description="Address of the flat files.")
    s3_bucket: Annotated[Bucket, Variable(GROUP, "POLYGON_S3_BUCKET")] = Field(
        default="flatfiles", description="Bucket of the flat files."
    )

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; a key of Massive's name goes to Massive's host."""
        settings = super().read(environment)
        name, _ = environment.find(*KEY_NAMES)
        if name == KEY_NAMES[1] and not environment.has(BASE_URL):
            return settings.model_copy(update={"base_url": MASSIVE_URL})
        return settings

    @model_validator(mode="after")
    def _both_keys_of_flat_files(self) -> Self:
        if bool(self.s3_key_id) != bool(self.s3_secret):
            raise SettingsError(
                "Only one of POLYGON_S3_KEY_ID and POLYGON_S3_SECRET is set",
                "Flat files need both; set neither to do without them",
            )
        return self

    @property
    def has_flat_files(self) -> bool:
        """Whether there are keys for flat files."""
        return self.s3_key_id is not None

    def described(self) -> Sequence[tuple[str, str]]:
        """What is configured, in words for people; no key is among them."""
        limit = self.calls_per_minute
        in_aws = "in AWS SSM" if self.ssm_parameter else "none"
        return [
            ("address", self.base_url),
            ("key", "in the settings" if self.key else in_aws),
            ("limit", f"{limit} requests a minute" if limit else "none"),
            ("flat files", "configured" if self.has_flat_files else "no keys"),
        ]
