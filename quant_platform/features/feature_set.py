"""`FeatureSet`: features that are computed, stored and named together.

A set states how its values are kept and what a feature of it sees. What does not belong here: which
features there are (`feature_registry.py`).
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quant_platform.errors import QuantPlatformError

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

LONGEST_SET_NAME = 40
"""Bytes, so that the names of its table's history and indexes are identifiers of PostgreSQL."""


class FeatureDefinitionError(QuantPlatformError):
    """A feature or set whose name, look-back, inputs, description or result cannot be used."""


@dataclass(frozen=True)
class FeatureSet:
    """A set of features; `@feature(of=…)` puts a feature into it.

    Attributes
    ----------
    name : snake_case, unique among sets and features: it selects all of the set's features
    description : one line
    storage : what values are kept as: float8 as computed, or float4. Values of a float4 set are
        rounded when they are computed, stored or not, so that both ways give the same bits.
    across : whether a feature looks across the securities of a session. It then sees whole
        sessions, otherwise some of the securities at a time.
    """

    name: str
    description: str
    storage: Literal["float8", "float4"] = "float8"
    across: bool = False

    def __post_init__(self) -> None:
        if not SNAKE_CASE.fullmatch(self.name) or len(self.name) > LONGEST_SET_NAME:
            problem = f"needs a snake_case name of at most {LONGEST_SET_NAME} characters"
        elif not self.description or "\n" in self.description:
            problem = "needs a description of one line"
        elif self.storage not in ("float8", "float4"):
            problem = f"is to be stored as {self.storage!r}, which is neither float8 nor float4"
        else:
            return
        raise FeatureDefinitionError(
            f"The feature set {self.name!r} {problem}",
            "See quant_platform/features/feature_set.py.",
        )

    @property
    def table(self) -> str:
        """Table of its values, where it is stored."""
        return "features" if self.name == TECHNICAL_NAME else f"features_{self.name}"

    @property
    def sql_type(self) -> str:
        """Type of its columns in PostgreSQL."""
        return "double precision" if self.storage == "float8" else "real"

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of its columns in frames."""
        return np.dtype(np.float64 if self.storage == "float8" else np.float32)


TECHNICAL_NAME = "technical"

TECHNICAL = FeatureSet(
    TECHNICAL_NAME, "Returns, averages, bands, ranges, volumes and news of each security."
)
"""The set of a feature that names none."""
