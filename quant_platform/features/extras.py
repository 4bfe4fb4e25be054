"""`Extras`: what a feature may read beside bars: membership, sectors, the market, series, own data.

Each is as it was known after the close of its session. What does not belong here: where it comes
from (`inputs.py`), and what is made of it (`library/`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray

FIELDS = ("member", "sector", "market_return")
"""Names of inputs, without prefix."""

PREFIXES = ("series", "own")
"""Of inputs with a name, each an attribute of `Extras`."""

NAMED = ("series:NAME", "own:DATASET.FIELD", "own:DATASET.FIELD@SESSIONS")
"""Inputs with a name, such as `series:yield_10_year` and `own:short_interest.ratio@63`."""

OWN_SESSIONS = 252
"""Sessions for which a value of the user's own data holds where its input states no other number:
a year."""

_OWN = re.compile(r"own:([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)(?:@([1-9][0-9]{0,3}))?")

NO_SECTOR = -1.0


@dataclass(frozen=True)
class OwnInput:
    """An input from the user's own data.

    Attributes
    ----------
    name : as `FeatureContext.own` is asked for it: the input's without `own:`
    dataset, field : of the table `own_data`
    sessions : for how many sessions a value holds that no other follows, its first one included
    """

    name: str
    dataset: str
    field: str
    sessions: int = OWN_SESSIONS

    @classmethod
    def parse(cls, name: str) -> "OwnInput | None":
        """Read an input's name; None where it is none of these.

        Examples
        --------
        >>> OwnInput.parse("own:crowd.mood@63")
        OwnInput(name='crowd.mood@63', dataset='crowd', field='mood', sessions=63)
        """
        match = _OWN.fullmatch(name)
        if match is None:
            return None
        dataset, of, sessions = match.groups()
        return cls(name[len("own:") :], dataset, of, int(sessions or OWN_SESSIONS))


@dataclass(frozen=True)
class Extras:
    """Inputs of features beside a panel's arrays, over the panel's sessions and securities.

    Attributes
    ----------
    member : (sessions, securities), whether the security is in the universe; None: where it trades
    sector : (sessions, securities), a number per sector, `NO_SECTOR` where unknown; None: unknown
    market_return : (sessions,), one-session total return of the market as a fraction; None: unknown
    series : by name, (sessions,): figures of the economy, the last known value of each session
    own : by name, (sessions, securities): the user's own data, the last known value
    """

    member: BoolArray | None = None
    sector: FloatArray | None = None
    market_return: FloatArray | None = None
    series: Mapping[str, FloatArray] = field(default_factory=dict)
    own: Mapping[str, FloatArray] = field(default_factory=dict)

    def cut(self, sessions: slice, securities: slice) -> "Extras":
        """Return the part of some sessions and securities, as views."""
        return replace(
            self,
            member=None if self.member is None else self.member[sessions, securities],
            sector=None if self.sector is None else self.sector[sessions, securities],
            market_return=None if self.market_return is None else self.market_return[sessions],
            series={name: values[sessions] for name, values in self.series.items()},
            own={name: values[sessions, securities] for name, values in self.own.items()},
        )


def is_extra(name: str) -> bool:
    """Whether an input's name is one of these."""
    if name in FIELDS or OwnInput.parse(name) is not None:
        return True
    prefix, _, rest = name.partition(":")
    return prefix == "series" and bool(rest)


def unknown(shape: tuple[int, ...]) -> FloatArray:
    """NaN in an array of any shape, which takes no memory."""
    return np.broadcast_to(np.nan, shape)
