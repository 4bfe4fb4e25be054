"""`StoredMemory`: versions of a forecaster as the database keeps them, as far as they still hold.

A version holds while the same recipe would train it and no session up to its cut has changed since
its data was read, by the ledger of computations. Where one does not, those after it do not either:
they were judged against it. If the data turns out to be the same after all, the version is kept and
not trained again. What does not belong here: training (`learning/`), and statements of SQL
(`storage/forecasts.py`).
"""

import hashlib
import inspect
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np

from quant_platform.learning import (
    drift,
    estimators,
    importance,
    labels,
    samples,
    schedule,
    walk_forward,
    weights,
)
from quant_platform.learning.drift import Reference
from quant_platform.learning.forecaster import Forecaster
from quant_platform.learning.identity import described, library
from quant_platform.learning.versions import Decision, Skill, Version
from quant_platform.pipeline.platform import Platform
from quant_platform.provenance import code_version
from quant_platform.storage.forecasts import (
    MODELS,
    artefact_of,
    last_changes,
    store_version,
    version_rows,
)

COMPUTING = (drift, estimators, importance, labels, samples, schedule, walk_forward, weights)
"""Modules whose code decides what is learned."""


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for module in COMPUTING:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()


def training_recipe(forecaster: Forecaster) -> str:
    """Digest of a forecaster, of the code that trains it, and of its library."""
    text = f"{forecaster.recipe} {_code()} {library(forecaster)}"
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(eq=False)
class StoredMemory:
    """A `Memory` of stored versions.

    Attributes
    ----------
    platform : whose database it is
    model_id : of the model that trades by the forecaster
    forecaster : what is trained
    assets : what it learns from, by the names of the ledger
    run_id : of the run that trains
    read_at : moment of the server's clock before anything was read
    last : last session that is asked for, ISO date
    again : cuts whose failed training is to be tried again
    """

    platform: Platform
    model_id: int
    forecaster: Forecaster
    assets: Sequence[str]
    run_id: str
    read_at: str
    last: str
    again: Collection[str] = ()
    _rows: dict[date, dict[str, Any]] = field(init=False, repr=False)
    _days: list[str] = field(init=False, repr=False)
    _changed: list[datetime] = field(init=False, repr=False)
    _broken: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        database = self.platform.database
        self._recipe = training_recipe(self.forecaster)
        self._rows = {row["date"]: row for row in version_rows(database, self.model_id)}
        changes = last_changes(database, self.assets, self.last)
        self._days = [day for day, _ in changes]
        self._changed = [moment for _, moment in changes]
        for at in range(1, len(self._changed)):
            self._changed[at] = max(self._changed[at], self._changed[at - 1])

    def get(self, cut: date) -> tuple[Version, Decision] | None:
        """Return what is stored of a cut and still holds."""
        row = self._rows.get(cut)
        if self._broken or row is None or not self._holds(cut, row):
            self._broken = True
            return None
        return self._version(row), _decision(row)

    def put(self, version: Version, decision: Decision) -> None:
        """Store what came of a cut."""
        row = {
            **self._described(version),
            **_decided(decision),
            "date": version.cut.isoformat(),
            "model_id": self.model_id,
            "read_at": self.read_at,
            "run_id": self.run_id,
            "code_version": code_version(),
        }
        database = self.platform.database
        table = self.platform.table(MODELS)
        store_version(database, table, row, version.artefact, self.run_id)

    def same_data(self, cut: date, data_version: str) -> Version | None:
        """Return the stored version of a cut if it was trained on just this data, just so."""
        row = self._rows.get(cut)
        if self.forecaster.warm or row is None or row["artefact"] is None:
            return None
        same = row["data_version"] == data_version and row["recipe"] == self._recipe
        return self._version(row) if same else None

    def _holds(self, cut: date, row: Mapping[str, Any]) -> bool:
        if row["recipe"] != self._recipe:
            return False
        if row["artefact"] is None and cut.isoformat() in self.again:
            return False
        before = int(np.searchsorted(self._days, cut.isoformat(), side="right"))
        return before == 0 or self._changed[before - 1] <= row["read_at"]

    def _version(self, row: Mapping[str, Any]) -> Version:
        digest = row["artefact"]
        return Version(
            cut=row["date"],
            artefact=None if digest is None else artefact_of(self.platform.database, digest),
            failed=row["failed"] or "",
            features=tuple(row["features"]),
            first=row["first_session"],
            last=row["last_session"],
            sessions=row["sessions"],
            rows=row["samples"],
            data_version=row["data_version"],
            gain=row["gain"],
            permutation=row["permutation"],
            fitted_ic=_number(row["fitted_ic"]),
            references={name: Reference.from_lists(of) for name, of in row["reference"].items()},
        )

    def _described(self, version: Version) -> dict[str, Any]:
        """Columns that say how a version was trained."""
        forecaster = self.forecaster
        return {
            "failed": version.failed or None,
            "library": library(forecaster),
            "features": json.dumps(version.features),
            "first_session": _iso(version.first),
            "last_session": _iso(version.last),
            "sessions": version.sessions,
            "samples": version.rows,
            "data_version": version.data_version,
            "recipe": self._recipe,
            "seed": forecaster.seed,
            "parameters": json.dumps(described(forecaster)),
            "gain": json.dumps(dict(version.gain)),
            "permutation": json.dumps(
                {name: _known(value) for name, value in version.permutation.items()}
            ),
            "fitted_ic": _known(version.fitted_ic),
            "reference": json.dumps(
                {name: of.as_lists() for name, of in version.references.items()}
            ),
        }


def _decided(decision: Decision) -> dict[str, Any]:
    """Columns that say which version is in force, and why."""
    return {
        "champion": _iso(decision.champion),
        "challenger": _iso(decision.challenger),
        "judged": _iso(decision.judged),
        "reason": decision.reason,
        "skill_sessions": decision.skill.sessions,
        **_skill_columns("skill", decision.skill),
        **_skill_columns("judged", decision.of_judged, of="judged_skill"),
        "difference_sessions": decision.difference.sessions,
        **_skill_columns("difference", decision.difference),
    }


def _skill_columns(name: str, skill: Skill, of: str = "") -> dict[str, float | None]:
    return {
        of or name: _known(skill.ic),
        f"{name}_lower": _known(skill.lower),
        f"{name}_upper": _known(skill.upper),
    }


def _decision(row: Mapping[str, Any]) -> Decision:
    def skill(sessions: int, name: str, of: str = "") -> Skill:
        ends = (_number(row[f"{name}_{end}"]) for end in ("lower", "upper"))
        return Skill(sessions, _number(row[of or name]), *ends)

    compared = row["difference_sessions"]
    return Decision(
        row["date"],
        row["champion"],
        row["challenger"],
        row["judged"],
        row["reason"],
        skill(row["skill_sessions"], "skill"),
        skill(compared, "judged", "judged_skill"),
        skill(compared, "difference"),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
