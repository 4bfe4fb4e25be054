"""What the ledger keeps: studies, trials (configurations), their runs, and what came of them.

A trial is what somebody chose; its digest names it, and the same choice is the same trial whatever
the data and the platform are by now. A run is a trial over data of one version by code of one
version; its digest tells whether that was done before. What does not belong here: how they are
written and found (`ledger.py`), and how a strategy becomes a trial (`strategies/trials.py`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

METRIC_COLUMNS = (
    *("total_return", "annualized_return", "excess_return", "annualized_volatility"),
    *("sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95", "sortino_ratio", "calmar_ratio"),
    *("max_drawdown", "max_drawdown_sessions", "win_rate", "profit_factor", "turnover"),
    *("average_exposure", "trade_count", "hit_rate", "alpha", "beta"),
)
"""Figures that a run has."""

TEXTS = ("strategy", "strategy_version", "source_digest", "universe", "benchmark")
DOCUMENTS = ("parameters", "costs", "limits", "delistings")
NUMBERS = ("capital", "risk_free")
WINDOW = ("first_session", "last_session")

Returns = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Attributes
    ----------
    metrics : `METRIC_COLUMNS`, NaN where a figure is undefined; empty where it failed
    returns : of each session, as fractions in single precision, as the ledger keeps them; empty
        where it failed
    failed : why there is no result; None: there is one
    seconds : how long it took; None: it is not known
    """

    metrics: Mapping[str, float]
    returns: Returns
    failed: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Trial:
    """A configuration; the columns of the table `trials` are described there.

    `parameters`, `costs`, `limits` and `delistings` are texts of JSON; sessions are ISO dates, or
    None for the ends of what is stored.
    """

    strategy: str
    strategy_version: str
    source_digest: str
    parameters: str
    universe: str
    first_session: str | None
    last_session: str | None
    costs: str
    limits: str
    delistings: str
    capital: float
    risk_free: float
    benchmark: str

    @cached_property
    def made_of(self) -> str:
        """All of it as JSON; equal trials have equal texts."""
        plain = (*TEXTS, *NUMBERS, *WINDOW)
        parts = {name: json.dumps(getattr(self, name)) for name in plain}
        parts |= {name: getattr(self, name) for name in DOCUMENTS}
        return "{" + ", ".join(f'"{name}": {parts[name]}' for name in sorted(parts)) + "}"

    def is_like(self, other: "Trial") -> bool:
        """Whether the other is the same in another window, or the same."""
        mine, theirs = (json.loads(each.made_of) for each in (self, other))
        for name in WINDOW:
            mine[name] = theirs[name] = None
        return bool(mine == theirs)

    @cached_property
    def id(self) -> str:
        """Key of the table `trials`."""
        return digest_of(self.made_of)


@dataclass(frozen=True)
class TrialRun:
    """A trial over data of one version, by code of one version.

    Attributes
    ----------
    trial : the configuration
    code_version, data_version : see the table `trial_runs`
    first_session, last_session : ISO dates
    """

    trial: Trial
    code_version: str
    data_version: str
    first_session: str
    last_session: str

    @cached_property
    def ran_on(self) -> str:
        """What it was run on, as JSON."""
        names = ("code_version", "data_version", "first_session", "last_session")
        return json.dumps({name: getattr(self, name) for name in names})

    @cached_property
    def digest(self) -> str:
        """What the same run has, too."""
        return digest_of(f"{self.trial.id} {self.ran_on}")


@dataclass(frozen=True)
class Study:
    """What trials are run for; the columns of the table `studies` are described there."""

    name: str
    person: str
    declared: bool = False
    hypothesis: str | None = None
    metric: str | None = None
    budget: int | None = None
    give_up: str | None = None


@dataclass(frozen=True)
class Circumstance:
    """How runs came about.

    Attributes
    ----------
    origin : asset, command, notebook or sweep
    person, host : who ran them, and on which machine
    sweep_id, seed : of a sweep, which one, and what its configurations were drawn from
    """

    origin: str
    person: str
    host: str
    sweep_id: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Counted:
    """Whether a result is in the ledger, and how many its study has.

    Attributes
    ----------
    study : its name
    trials : configurations that the study has looked at so far
    budget : how many it may; None: nobody said
    reason : why the result is not in the ledger; empty: it is

    Examples
    --------
    >>> print(Counted("momentum", 51, 50))
    51 trials of the study 'momentum', which had a budget of 50: it is exploratory
    """

    study: str
    trials: int = 0
    budget: int | None = None
    reason: str = ""

    @property
    def can_be_ranked(self) -> bool:
        """Whether the result may enter a ranking: only what was counted may."""
        return not self.reason

    @property
    def is_exploratory(self) -> bool:
        """Whether the study has more trials than it said it would."""
        return self.budget is not None and self.trials > self.budget

    @property
    def warning(self) -> str:
        """What a reader of the result must know; empty where nothing is amiss."""
        return str(self) if self.reason or self.is_exploratory else ""

    def __str__(self) -> str:
        if self.reason:
            return f"Not counted among the trials, so it can enter no ranking: {self.reason}"
        trials = f"{self.trials:,} trial{'' if self.trials == 1 else 's'} of the study"
        if self.is_exploratory:
            return (
                f"{trials} {self.study!r}, which had a budget of {self.budget:,}: it is exploratory"
            )
        of = "" if self.budget is None else f", of {self.budget:,} that it may have"
        return f"{trials} {self.study!r}{of}"


def digest_of(text: str) -> str:
    """Return 32 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
