"""`FilesVendor`: the market that a folder of files holds.

The files are read when something is asked of them first, and again when one of them changed.
"""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Self

from quant_platform.errors import QuantPlatformError, VendorError
from quant_platform.settings import Environment, Settings
from quant_platform.vendors.abilities import Abilities
from quant_platform.vendors.answers import Diagnosis, Finding
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.files.columns import ACTIONS, BARS, SECURITIES
from quant_platform.vendors.files.settings import FOLDER, FilesSettings

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.vendors.files.folder import Folder


class FilesVendor(Vendor):
    """Bars, actions and reference data as the files of a folder have them.

    A symbol is a security. Where there is no file of securities, each symbol of the bars is one,
    listed from its first bar on. Where there is none of actions, there were none.
    """

    name = "files"
    settings_type = FilesSettings

    def __init__(self, settings: FilesSettings) -> None:
        self._settings = settings
        self._start: date | None = None
        self.exchange = settings.exchange
        self.last_session = settings.last_session()

    @classmethod
    def is_configured(cls, environment: Environment) -> bool:
        """Whether a folder is named."""
        return environment.has(FOLDER)

    @classmethod
    def exchange_of(cls, settings: Settings) -> str:
        """Exchange of the settings."""
        return FilesSettings.read(settings.environment).exchange

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the vendor; its files are not read yet."""
        return cls(FilesSettings.read(settings.environment))

    @property
    def first_session(self) -> date:
        """Day of the first bar, or the start of the settings."""
        if self._start is None:
            return self._folder.first_day()
        return self._start

    @first_session.setter
    def first_session(self, start: date) -> None:
        self._start = start

    @property
    def abilities(self) -> Abilities:
        """It tells what it reads."""
        return Abilities(diagnosis=self)

    def is_published(self, session: date) -> bool:
        """Whether the files have a bar of `session`."""
        return self._folder.has_bars_of(session)

    def securities(self) -> "pd.DataFrame":
        """Reference data, one row a symbol."""
        return self._folder.securities()

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Raw bars from `first` to `last`."""
        return self._folder.rows(BARS, first, last)

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends from `first` to `last`."""
        return self._folder.rows(ACTIONS, first, last)

    def configured(self) -> Sequence[tuple[str, str]]:
        """Folder, clock and exchange."""
        return [
            ("folder", str(self._settings.folder)),
            ("days of moments by", self._settings.time_zone),
            ("exchange", self.exchange),
        ]

    def diagnose(self) -> Diagnosis:
        """Read the files and say what they hold."""
        findings = []
        try:
            for kind in (BARS, ACTIONS, SECURITIES):
                granted, reason = self._folder.summary(kind)
                findings.append(Finding(kind.name, granted, reason))
        except QuantPlatformError as error:
            return Diagnosis(tuple(findings), error)
        return Diagnosis(tuple(findings))

    @cached_property
    def _folder(self) -> "Folder":
        from quant_platform.vendors.files.folder import Folder

        if self._settings.folder is None:
            raise VendorError(
                "The vendor 'files' has no folder", f"Set {FOLDER} to the folder of your files"
            )
        return Folder(self._settings.folder, self._settings.column_names(), self._settings.zone())
