"""The errors a user can meet, one class per kind of remedy.

Every one carries a single line that says what is wrong and where, and a hint that says what to do.
The command line prints exactly these two; nothing here ever holds a password or a key.
"""

from collections.abc import Callable

OnFailure = Callable[[str, Exception], None]
"""Is told of a part (a feature, a metric, a rule), by its name, that raised; the others go on."""


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


class SealedError(SessionError):
    """A session belongs to the sealed hold-out, which was not opened for this."""


class UnknownNameError(QuantPlatformError):
    """A symbol, feature, strategy, asset or table of that name does not exist."""


class OverdueError(QuantPlatformError):
    """A strategy or feature took longer than it may; the message is the whole reason."""


class VendorError(QuantPlatformError):
    """A vendor answered with something that cannot be used."""


class KeyMissingError(VendorError):
    """The vendor needs a key and none is configured."""


class KeyRefusedError(VendorError):
    """The vendor does not know the key."""


class PlanError(VendorError):
    """The key's plan does not include what was asked for."""


class HistoryError(PlanError):
    """What was asked for is older than the history of the key's plan."""


class NotPublishedError(VendorError):
    """The session has closed, but the vendor has not published it yet: pending, not failed."""


class NotFoundError(VendorError):
    """The vendor knows nothing of that name or day; an answer, not a fault."""


class RateLimitError(VendorError):
    """Too many requests, even after waiting as long as the limit demands."""


class VendorDownError(VendorError):
    """The vendor cannot be reached, or answers with faults, after all retries."""


class BadRequestError(VendorError):
    """The vendor refuses a parameter: a fault of the platform or of a setting."""


class BadAnswerError(VendorError):
    """The vendor answered with something that is not what its documentation promises."""


TRANSIENT = (DatabaseError, VendorDownError, RateLimitError)
"""Failures that may pass by themselves, so that trying again makes sense."""
