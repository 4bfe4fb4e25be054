"""The errors a user can meet, one class per kind of remedy.

Every one carries a single line that says what is wrong and where, and a hint that says what to do.
The command line prints exactly these two; nothing here ever holds a password or a key.
"""


class QuantPlatformError(Exception):
    """An expected failure: `message` says what is wrong and where, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}. {hint}" if hint else message)


class SettingsError(QuantPlatformError):
    """A setting in the environment or in `.env` is missing or has no valid value."""


class DatabaseError(QuantPlatformError):
    """The database cannot be reached, is not the right one, or refused the work."""


class ContractError(QuantPlatformError):
    """A frame does not fit the contract of the table it was written to; nothing was written."""


class SessionError(QuantPlatformError):
    """A date is not an exchange session, or a range of dates is reversed or empty."""


class UnknownNameError(QuantPlatformError):
    """A symbol, feature, strategy, asset or table of that name does not exist."""


class VendorError(QuantPlatformError):
    """A vendor answered with something that cannot be used."""
