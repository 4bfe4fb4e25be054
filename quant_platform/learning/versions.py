"""`Version` and `Decision`: what came of a training, and which version is in force from then on.

What does not belong here: how they come about (`walk_forward.py`), and where they are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import nan
from typing import Protocol

from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.drift import Reference


@dataclass(frozen=True, eq=False)
class Version:
    """What was trained at one cut; without an artefact, why there is none.

    Attributes
    ----------
    cut : session after whose close it was trained
    artefact : the model as bytes (`artefacts.py`); None: it failed
    failed : why; empty: it did not
    features : that it reads, in their order
    first, last : first and last session whose labels it was trained on; None without any
    sessions, rows : how many of them there were
    data_version : SHA-256 of what it was trained on
    gain, permutation : importance by feature (`importance.py`)
    fitted_ic : mean rank correlation with the label over the training part
    references : features and forecasts of the training part, by name (`drift.py`)
    """

    cut: date
    artefact: bytes | None = None
    failed: str = ""
    features: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    sessions: int = 0
    rows: int = 0
    data_version: str = ""
    gain: Mapping[str, float] = field(default_factory=dict)
    permutation: Mapping[str, float] = field(default_factory=dict)
    fitted_ic: float = nan
    references: Mapping[str, Reference] = field(default_factory=dict)


@dataclass(frozen=True)
class Skill:
    """Mean rank correlation of forecasts with the returns that followed, with its 95 % interval.

    Attributes
    ----------
    sessions : with a known outcome
    """

    sessions: int
    ic: float = nan
    lower: float = nan
    upper: float = nan

    @property
    def is_above_zero(self) -> bool:
        """Whether the interval lies above 0."""
        return self.lower > 0.0

    def __str__(self) -> str:
        if not self.sessions:
            return "no outcome is known yet"
        found = "" if self.is_above_zero else ": nothing that could be told from chance"
        return (
            f"rank correlation {self.ic:+.4f}, 95 % interval {self.lower:+.4f} to"
            f" {self.upper:+.4f}, over {self.sessions:,} sessions{found}"
        )


@dataclass(frozen=True)
class Decision:
    """Which version is in force from a cut on, and why; all of it was known after the cut's close.

    Attributes
    ----------
    cut : the session
    champion : cut of the version in force; None: there is none
    challenger : cut of the version on trial from now on; None: there is none
    judged : cut of the version whose trial ended here; None: none's did
    reason : in words
    skill : of the version that was in force up to here, out of sample
    of_judged : of the judged one, over its trial
    difference : what the judged one had more than the champion, over the same sessions
    """

    cut: date
    champion: date | None
    challenger: date | None = None
    judged: date | None = None
    reason: str = ""
    skill: Skill = field(default_factory=lambda: Skill(0))
    of_judged: Skill = field(default_factory=lambda: Skill(0))
    difference: Skill = field(default_factory=lambda: Skill(0))


class Judge(Protocol):
    """Measures forecasts; arrays are (sessions, securities)."""

    def coefficients(self, values: FloatArray, forward: FloatArray) -> FloatArray:
        """Return the rank correlation of each session."""

    def skill(self, series: FloatArray, identity: str) -> Skill:
        """Return the mean of a series by session with its interval, drawn by the identity."""


class Memory(Protocol):
    """What was trained and decided before."""

    def get(self, cut: date) -> tuple[Version, Decision] | None:
        """Return what is known of a cut; None: nothing that still holds."""

    def put(self, version: Version, decision: Decision) -> None:
        """Keep it."""

    def same_data(self, cut: date, data_version: str) -> Version | None:
        """Return a version of a cut that was trained on just this data by just this recipe."""
