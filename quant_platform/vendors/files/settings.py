"""`FilesSettings`: where the files of the vendor `files` are, and how to read them."""

from datetime import date
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from quant_platform.settings import PREFIX, Environment, SettingsModel, Variable
from quant_platform.settings.values import Day, Form

GROUP = "Files of your own"

FOLDER = PREFIX + "FILES_FOLDER"
COLUMNS = PREFIX + "FILES_COLUMNS"
TIME_ZONE = PREFIX + "FILES_TIME_ZONE"


def _pairs(text: str) -> str:
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, _, ours = (part.strip() for part in pair.partition("="))
        if not theirs or not ours:
            raise ValueError("not of the form")
    return text


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("no time zone")
    return text


Columns = Annotated[
    str,
    AfterValidator(_pairs),
    Form("pairs of a file's column and the platform's, such as Last=close_price, Code=symbol"),
]

Zone = Annotated[
    str, AfterValidator(_zone), Form("the name of a time zone, such as America/New_York or UTC")
]

Mic = Annotated[str, Form("the market identifier code of an exchange, such as XNYS or XLON")]


class FilesSettings(SettingsModel):
    """Folder, columns, time zone and exchange of the vendor `files`."""

    folder: Annotated[Path | None, Variable(GROUP, FOLDER)] = Field(
        default=None,
        description="Folder with `bars.csv` or `bars.parquet`, or a folder `bars` of such files,"
        " and the same of `actions` and `securities`; relative to the folder of `.env`. It selects"
        " the vendor `files`.",
    )
    columns: Annotated[Columns, Variable(GROUP, COLUMNS)] = Field(
        default="",
        description="Columns that have other names than usual, as"
        " `theirs=ours`: `Last=close_price, Code=symbol`.",
    )
    time_zone: Annotated[Zone, Variable(GROUP, TIME_ZONE)] = Field(
        default="America/New_York",
        description="Clock by which a date with an offset, such as 2012-01-03T21:00:00Z, names its"
        " day; UTC where the files have midnights of UTC.",
    )
    exchange: Annotated[Mic, Variable(GROUP, PREFIX + "FILES_EXCHANGE")] = Field(
        default="XNYS", description="Exchange whose sessions the files have."
    )
    last: Annotated[Day | None, Variable(GROUP, PREFIX + "FILES_LAST")] = Field(
        default=None,
        description="Last session the files will ever have; empty: new ones are added every day.",
    )

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; the folder is relative to that of `.env`."""
        settings = super().read(environment)
        if settings.folder is None:
            return settings
        folder = (environment.folder / settings.folder.expanduser()).absolute()
        return settings.model_copy(update={"folder": folder})

    def column_names(self) -> dict[str, str]:
        """The files' own names of columns → the platform's."""
        pairs = (pair.partition("=") for pair in self.columns.split(",") if pair.strip())
        return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}

    def zone(self) -> ZoneInfo:
        """Clock of dates with an offset."""
        return ZoneInfo(self.time_zone)

    def last_session(self) -> date | None:
        """Last session the files will ever have; None: they go on."""
        return date.fromisoformat(self.last) if self.last else None
