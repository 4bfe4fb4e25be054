"""`WalkForward`: a forecaster trained again and again, and the forecasts of what is in force.

1. The calendar names the training cuts (`schedule.py`). The first one is that before which enough
   sessions with a known label are stored.
2. After the close of a cut C a version is trained on the sessions of its window whose labels are
   known at C: no label of theirs uses anything after C.
3. The first version that was trained is the champion: it is in force. The next one is on trial: it
   forecasts, and nobody trades by it. Once its trial has lasted `TRIAL_SESSIONS`, the cut that
   comes then compares both, session by session, over outcomes known at that cut. It becomes the
   champion if the interval of the difference lies above 0; else the old one stays. Either way the
   newest version is on trial next.
4. Session D is forecast by the champion of the last cut at or before D.

So forecasts of D are a function of what is stored of sessions up to D, whatever asked for them and
in whichever order (laws 1 and 2); a `Memory` only saves work. A training that fails leaves the
champion in force. What does not belong here: where rows and versions are stored.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

import numpy as np

from quant_platform.errors import ContractError, SettingsError
from quant_platform.isolation import reason_of
from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.drift import FORECAST, Reference
from quant_platform.learning.estimators import FittedModel, fit
from quant_platform.learning.forecaster import FEWEST_SESSIONS, Forecaster
from quant_platform.learning.importance import (
    chosen_features,
    leading,
    mean_skill,
    permutation_importance,
)
from quant_platform.learning.labels import ForwardReturn
from quant_platform.learning.samples import FeatureRows, Sample, Source, labelled, pivoted
from quant_platform.learning.schedule import training_cuts
from quant_platform.learning.versions import Decision, Judge, Memory, Skill, Version
from quant_platform.market.calendar import Calendar

TRIAL_SESSIONS = 126
"""Sessions that a version is on trial before it is judged, at least."""

SKILL_SESSIONS = 252
"""Last sessions over which the champion's skill is measured at a cut."""

FIRST, ALWAYS, ON_TRIAL = "the first version", "every new version takes over", "on trial"


class Forecasts(NamedTuple):
    """Forecasts of some sessions that one version is in force in."""

    rows: FeatureRows
    forecasts: FloatArray
    version: Version


class Remembered:
    """A `Memory` of this process alone."""

    def __init__(self) -> None:
        self.kept: dict[date, tuple[Version, Decision]] = {}

    def get(self, cut: date) -> tuple[Version, Decision] | None:
        """Return what was kept of a cut."""
        return self.kept.get(cut)

    def put(self, version: Version, decision: Decision) -> None:
        """Keep it."""
        self.kept[version.cut] = version, decision

    def same_data(self, cut: date, data_version: str) -> Version | None:
        """Return nothing: what was kept still holds."""
        return None


class WalkForward:
    """A forecaster's way through the sessions of a source.

    Parameters
    ----------
    forecaster : what is trained
    source : features, bars and members
    calendar : of the exchange
    judge : measures forecasts
    memory : of earlier trainings
    on_version : is told of each version as it is known
    """

    def __init__(
        self,
        forecaster: Forecaster,
        source: Source,
        calendar: Calendar,
        judge: Judge,
        memory: Memory | None = None,
        on_version: Callable[[Version, Decision], None] | None = None,
    ) -> None:
        self.forecaster, self.source, self.judge = forecaster, source, judge
        self._memory = Remembered() if memory is None else memory
        self._on_version = on_version
        self.cuts = self._cuts(calendar)
        self._states: list[tuple[Version, Decision]] = []
        self._models: dict[date, FittedModel] = {}

    def _cuts(self, calendar: Calendar) -> list[int]:
        """Positions of the training cuts that have enough behind them."""
        sessions = self.source.sessions
        named = np.flatnonzero(training_cuts(calendar, sessions, self.forecaster.retrain))
        enough = self.forecaster.minimum + self.forecaster.label.horizon
        return [int(at) for at in named if at >= enough]

    def state_at(self, position: int) -> tuple[Version, Decision] | None:
        """Return the last version trained, and decision taken, at or before a session."""
        number = int(np.searchsorted(self.cuts, position, side="right"))
        while len(self._states) < number:
            self._advance()
        return self._states[number - 1] if number else None

    def in_force(self, position: int) -> Version | None:
        """Return the version that forecasts a session; None: there is none yet."""
        state = self.state_at(position)
        return None if state is None or state[1].champion is None else self._of(state[1].champion)

    def forecasts(self, first: int, last: int) -> Iterator[Forecasts]:
        """Yield forecasts of the sessions from position `first` to `last`, version by version."""
        starts = [first, *(cut for cut in self.cuts if first < cut <= last)]
        for start, after in zip(starts, [*starts[1:], last + 1], strict=True):
            version = self.in_force(start)
            if version is not None:
                rows = self.source.rows(start, after - 1)
                yield Forecasts(rows, self.model(version).forecasts(rows), version)

    def model(self, version: Version) -> FittedModel:
        """Load a version's model, once.

        Raises
        ------
        ContractError
            It failed, or its artefact was changed.
        """
        if version.artefact is None:
            raise ContractError(f"The training of {version.cut} failed: {version.failed}")
        if version.cut not in self._models:
            self._models[version.cut] = FittedModel.load(
                version.artefact, version.features, self.forecaster.trusted
            )
        return self._models[version.cut]

    def _advance(self) -> None:
        """Learn of the next cut, from memory or by training and deciding."""
        at = self.cuts[len(self._states)]
        known = self._memory.get(self._day(at))
        if known is None:
            version = self._trained(at)
            known = version, self._decided(at, version)
            self._memory.put(*known)
        self._states.append(known)
        if self._on_version is not None:
            self._on_version(*known)

    def _day(self, position: int) -> date:
        day: date = self.source.sessions[position].item()
        return day

    def _of(self, cut: date) -> Version:
        return next(version for version, _ in self._states if version.cut == cut)

    def _place(self, cut: date) -> int:
        return int(np.searchsorted(self.source.sessions, np.datetime64(cut, "D")))

    def _trained(self, at: int) -> Version:
        """Train the version of a cut, whatever comes of it."""
        try:
            sample = self._sample(at)
            same = self._memory.same_data(self._day(at), sample.digest)
            return self._version(at, sample) if same is None else same
        except SettingsError:  # a package is missing: no training would fare better
            raise
        except Exception as error:  # whatever an estimator raises, the champion goes on
            plain = isinstance(error, ContractError)
            return Version(self._day(at), failed=str(error) if plain else reason_of(error))

    def _sample(self, at: int) -> Sample:
        """Rows of the window whose labels are known after the cut's close."""
        forecaster = self.forecaster
        first = 0 if forecaster.window is None else max(at - forecaster.window + 1, 0)
        begin = max(first - forecaster.label.lookback + 1, 0)
        panel = self.source.panel(begin, at)
        labels = forecaster.label.of(panel)
        shapes = labels.values.shape, labels.ends.shape
        if shapes != (panel.close.shape,) * 2:
            raise ContractError(
                f"{type(forecaster.label).__name__} gave labels of the shape {shapes[0]},"
                f" with ends of {shapes[1]}, for {panel.close.shape} sessions and securities"
            )
        sample = labelled(self.source.rows(first, at), panel, begin, labels, at)
        sessions = len(sample.rows.sessions())
        if sessions < FEWEST_SESSIONS:
            raise ContractError(
                f"The training part up to {self._day(at)} has {sessions} sessions with a known"
                f" label, and needs {FEWEST_SESSIONS}"
            )
        return sample

    def _version(self, at: int, whole: Sample) -> Version:
        forecaster, skill, data_version = self.forecaster, self.judge.coefficients, whole.digest
        sample = whole
        if forecaster.select is not None:
            sample = whole.narrowed(chosen_features(whole, forecaster.select, skill))
        before = self._states[-1][0].artefact if forecaster.warm and self._states else None
        artefact = fit(forecaster, sample, before)
        model = FittedModel.load(artefact, sample.rows.names, forecaster.trusted)
        fitted = model.forecasts(sample.rows)
        refuse_useless(sample.rows, fitted)
        gain = model.gain()
        names = leading(gain, sample.rows.names)
        values, positions = sample.rows.matrix, sample.rows.positions
        references = {
            name: Reference.of(values[:, sample.rows.names.index(name)]) for name in names
        }
        return Version(
            cut=self._day(at),
            artefact=artefact,
            features=sample.rows.names,
            first=self._day(int(positions[0])),
            last=self._day(int(positions[-1])),
            sessions=len(sample.rows.sessions()),
            rows=len(positions),
            data_version=data_version,
            gain=gain,
            permutation=permutation_importance(model, sample, names, forecaster.seed, skill),
            fitted_ic=mean_skill(sample, fitted, skill),
            references={FORECAST: Reference.of(fitted), **references},
        )

    def _decided(self, at: int, version: Version) -> Decision:
        """Decide what is in force from a cut on, of outcomes known after its close."""
        newest = None if version.failed else version.cut
        before = self._states[-1][1] if self._states else None
        if before is None or before.champion is None:
            return Decision(self._day(at), newest, reason=FIRST if newest else version.failed)
        champion, challenger = before.champion, before.challenger
        of_champion = self._place(champion)
        skill = self._skill(champion, max(of_champion, at - SKILL_SESSIONS), at)
        if self.forecaster.promotion == "always":
            reason = ALWAYS if newest else version.failed
            return Decision(self._day(at), newest or champion, reason=reason, skill=skill)
        if challenger is None or at - self._place(challenger) < TRIAL_SESSIONS:
            waiting = challenger or newest
            reason = ON_TRIAL if waiting else version.failed
            return Decision(self._day(at), champion, waiting, reason=reason, skill=skill)
        judged, difference = self._compared(champion, challenger, at)
        won = difference.is_above_zero
        verb = "takes over from" if won else "does not take over from"
        reason = (
            f"the version of {challenger} {verb} that of {champion}: difference of the rank"
            f" correlations {difference.ic:+.4f}, 95 % interval {difference.lower:+.4f} to"
            f" {difference.upper:+.4f}, over {difference.sessions} sessions"
        )
        return Decision(
            self._day(at),
            challenger if won else champion,
            newest,
            challenger,
            reason,
            skill,
            judged,
            difference,
        )

    def _skill(self, cut: date, first: int, last: int) -> Skill:
        series = self._series([cut], first, last)[0]
        return self.judge.skill(series, f"skill {self._day(last)}")

    def _compared(self, champion: date, challenger: date, at: int) -> tuple[Skill, Skill]:
        """Skill of the challenger over its trial, and what it has more than the champion."""
        first = self._place(challenger)
        one, other = self._series([champion, challenger], first, at)
        return (
            self.judge.skill(other, f"challenger {challenger}"),
            self.judge.skill(other - one, f"difference {challenger}"),
        )

    def _series(self, cuts: list[date], first: int, last: int) -> list[FloatArray]:
        """Rank correlation of each session, NaN where its outcome is not known at the last one."""
        rows, panel = self.source.rows(first, last), self.source.panel(first, last)
        forward = ForwardReturn(self.forecaster.label.horizon).of(panel).values
        return [
            self.judge.coefficients(
                pivoted(rows, self.model(self._of(cut)).forecasts(rows), first, panel), forward
            )
            for cut in cuts
        ]


def refuse_useless(rows: FeatureRows, forecasts: FloatArray) -> None:
    """Refuse forecasts that say nothing.

    Raises
    ------
    ContractError
        Some are no numbers, or they are the same for all securities of every session.
    """
    unknown = int((~np.isfinite(forecasts)).sum())
    if unknown:
        raise ContractError(
            f"The estimator gave no number for {unknown:,} of {len(forecasts):,} forecasts"
        )
    if all(np.ptp(forecasts[part]) == 0.0 for part in rows.sessions()):
        raise ContractError(
            "The estimator forecasts the same of every security: it found nothing to tell them"
            " apart by"
        )
