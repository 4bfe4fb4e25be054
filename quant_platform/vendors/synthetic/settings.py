"""`SyntheticSettings`: size, span and seed of the vendor `synthetic`."""

from datetime import date
from typing import Annotated

from pydantic import Field

from quant_platform.settings import PREFIX, SettingsModel, Variable
from quant_platform.settings.values import Day

GROUP = "A market with a planted truth"

SECURITIES = PREFIX + "SYNTHETIC_SECURITIES"
FIRST, LAST = PREFIX + "SYNTHETIC_FIRST", PREFIX + "SYNTHETIC_LAST"


class SyntheticSettings(SettingsModel):
    """How large the market is, and which one."""

    securities: Annotated[int, Variable(GROUP, SECURITIES)] = Field(
        default=500,
        ge=12,
        le=5_000,
        description="Securities that are listed at a time; those that go are replaced.",
    )
    first: Annotated[Day, Variable(GROUP, FIRST)] = Field(
        default="2005-01-03", description="First session."
    )
    last: Annotated[Day, Variable(GROUP, LAST)] = Field(
        default="2015-01-06",
        description="Last session; the defaults are 2,520 sessions. A later one changes none of the"
        " sessions before.",
    )
    seed: Annotated[int, Variable(GROUP, PREFIX + "SYNTHETIC_SEED")] = Field(
        default=1,
        ge=0,
        le=100_000,
        description="Which market: one seed gives the same bytes on every machine.",
    )

    @property
    def span(self) -> tuple[date, date]:
        """First and last day."""
        return date.fromisoformat(self.first), date.fromisoformat(self.last)
