"""Promoting, demoting and retiring models: which change is allowed, and what is promised by it.

A model begins as a candidate. `promote` makes it a challenger, and a challenger a champion; both
are in use, and monitored. `demote` takes one out of use, from where it can be promoted again;
`retire` ends it for good. A change holds from the session after the one whose rows it is based on.
Whatever its state, the daily run goes on computing and comparing a model that the settings name:
to leave out those that failed would flatter the others.

What does not belong here: the test of a promise (`pipeline/monitor.py`), and the versions of a
learned model, which have champions of their own.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import (
    ContractError,
    SealedError,
    SessionError,
    SettingsError,
    UnknownNameError,
)
from quant_platform.evaluation.comparison import BEST, ELIMINATED, RUINED
from quant_platform.evaluation.effective_trials import Trials, count_trials
from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.evaluation.monitor import Promise, promise_of
from quant_platform.kernels.arrays import FloatArray
from quant_platform.pipeline.monitor import HALT, history_of
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.trials import DailyTrials
from quant_platform.pipeline.tried import tried_beside
from quant_platform.storage import bulk
from quant_platform.storage.holdout import sealed_from
from quant_platform.storage.model_states import (
    CANDIDATE,
    CHALLENGER,
    CHAMPION,
    DEMOTED,
    IN_USE,
    RETIRED,
    Change,
    record_state,
    state_of,
)

PROMOTE, DEMOTE, RETIRE = "promote", "demote", "retire"

TRANSITIONS = {
    PROMOTE: {CANDIDATE: CHALLENGER, CHALLENGER: CHAMPION, DEMOTED: CHALLENGER},
    DEMOTE: {CHALLENGER: DEMOTED, CHAMPION: DEMOTED},
    RETIRE: dict.fromkeys((CANDIDATE, CHALLENGER, CHAMPION, DEMOTED), RETIRED),
}
"""Change → state before → state after; no other is allowed."""

A_WHILE = timedelta(days=30)
"""Within it there is a session, after whatever closed the exchange."""

_DAYS = """
SELECT max(p.date)::text AS newest,
    max(p.date) FILTER (WHERE p.date = $2::text::date)::text AS asked
FROM portfolios AS p JOIN models AS m ON m.id = p.model_id WHERE m.model_name = $1
"""

_MODELS = "SELECT model_name FROM models ORDER BY 1"

_STATISTICS = """
SELECT s.model_id, m.model_name, s.standing, s.sessions
FROM performance_statistics AS s JOIN models AS m ON m.id = s.model_id
WHERE s.date = $1::text::date ORDER BY 1
"""

_RETURNS = """
SELECT date, model_id, daily_return FROM portfolios
WHERE date <= $1::text::date AND model_id::text = ANY (string_to_array($2, ' ')) ORDER BY 1, 2
"""


class Changed(NamedTuple):
    """A change that was recorded, with what is promised by it (None: nothing)."""

    change: Change
    before: str
    promise: Promise | None
    is_past: bool


def change_state(
    platform: Platform, model: str, what: str, why: str, person: str, session: str = ""
) -> Changed:
    """Promote, demote or retire a model.

    Parameters
    ----------
    what : `PROMOTE`, `DEMOTE` or `RETIRE`
    session : ISO date after which it holds, and by whose rows a promise is made; empty: the newest

    Raises
    ------
    UnknownNameError
        There is no such model.
    SettingsError
        The change is not allowed, or no reason is given.
    SessionError
        The model has no figures of that session, or too few; or it belongs to the hold-out.
    """
    if not why.strip():
        raise SettingsError("No reason is given", 'Say it: --why "what it is based on"')
    before = state_of(platform.database, model)
    if before is None:
        names = bulk.query(platform.database, _MODELS)["model_name"].tolist()
        raise UnknownNameError(
            f"There is no model {model!r}", f"Models: {', '.join(names) or 'none'}"
        )
    after = TRANSITIONS[what].get(before.name)
    if after is None:
        allowed = [name for name, of in TRANSITIONS.items() if before.name in of]
        raise SettingsError(
            f"{model} is a {before.name} model and cannot be {what}d",
            f"It can be {' or '.join(f'{name}d' for name in allowed)}"
            if allowed
            else "That is its end: give a new one another name in QUANT_PLATFORM_MODELS",
        )
    known_on, is_past = _session(platform, model, session)
    holds_from = _next_session(platform, known_on)
    if before.since is not None and holds_from < before.since:
        raise SessionError(
            f"{model} is a {before.name} model from {before.since} on",
            f"Give a session from {platform.calendar.previous(before.since)} on",
        )
    promise = _promise(platform, model, known_on) if after in IN_USE else None
    change = Change(holds_from, model, after, why.strip(), person or "unknown", known_on)
    if promise is not None:
        change = change._replace(promise=_values(promise))
    if not record_state(platform.database, change, before):
        raise SettingsError(f"Somebody changed the state of {model} just now", "Look at it again")
    return Changed(change, before.name, promise, is_past)


def _values(promise: Promise) -> tuple[object, ...]:
    figures = (promise.sessions, promise.mean, promise.lower, promise.haircut, promise.promised)
    return (*figures, promise.trials, promise.effective_trials)


def _session(platform: Platform, model: str, session: str) -> tuple[date, bool]:
    """Session whose rows a change is based on, and whether there are later ones."""
    if session:
        session = platform.calendar.parse(session).isoformat()
    row = bulk.query(platform.database, _DAYS, (model, session or "1900-01-01")).iloc[0]
    newest, asked = row["newest"], row["asked"]
    if pd.isna(newest) or (session and pd.isna(asked)):
        of = f" of {session}" if session else ""
        raise SessionError(
            f"{model} has no portfolio{of}, so it has no figures to go by",
            "Compute it first: quant-platform backfill, with the model in QUANT_PLATFORM_MODELS",
        )
    chosen = session or newest
    return date.fromisoformat(chosen), chosen < newest


def _next_session(platform: Platform, day: date) -> date:
    return platform.calendar.sessions(day + timedelta(days=1), day + A_WHILE)[0]


def _promise(platform: Platform, model: str, known_on: date) -> Promise:
    """What the model's portfolio up to a session promises."""
    sealed = sealed_from(platform.database)
    if sealed is not None and known_on >= sealed:
        raise SealedError(
            f"The sessions from {sealed} on are sealed, as a hold-out, and a promise would show"
            f" those up to {known_on}",
            "Promote by what was known before: --session with an earlier one",
        )
    rows = bulk.query(platform.database, _STATISTICS, (known_on.isoformat(),))
    own = rows[rows["model_name"] == model]
    if own.empty:
        raise SessionError(
            f"{model} has no statistics of {known_on}",
            f"Run: quant-platform backfill --start {known_on} --end {known_on}",
        )
    if own["standing"].iloc[0] == RUINED:
        raise SessionError(
            f"{model} was ruined by {known_on}: its equity was not positive at some close",
            "There is nothing that it could promise",
        )
    history = history_of(platform.database, int(own["model_id"].iloc[0]), known_on.isoformat())
    return promise_of(history.scaled(), _trials(platform, known_on, rows))


def _trials(platform: Platform, known_on: date, statistics: pd.DataFrame) -> Trials:
    """What the models compared in a session were chosen from, by the ledger of today."""
    tried = tried_beside(platform.database, DailyTrials(platform).ids(known_on.isoformat()))
    compared = statistics[statistics["standing"].isin([BEST, ELIMINATED])]
    if compared.empty:
        return count_trials(np.zeros((0, 0)), np.zeros(0), SESSIONS_PER_YEAR, tried)
    returns = _returns(platform, known_on, compared["model_id"].tolist())
    returns = returns[-int(compared["sessions"].iloc[0]) :]
    deviation = returns.std(axis=0, ddof=1)
    varies = deviation > 0.0
    ratios = np.where(varies, returns.mean(axis=0) / np.where(varies, deviation, 1.0), np.nan)
    covariance = np.atleast_2d(np.cov(returns, rowvar=False))
    return count_trials(covariance, ratios, len(returns), tried)


def _returns(platform: Platform, known_on: date, models: Sequence[int]) -> FloatArray:
    values = (known_on.isoformat(), " ".join(map(str, models)))
    rows = bulk.query(platform.database, _RETURNS, values)
    table = rows.pivot_table(index="date", columns="model_id", values="daily_return")
    if table.isna().to_numpy()[-1].any():
        raise ContractError(f"A model that is compared has no return in {known_on}")
    return np.asarray(table, dtype=np.float64)


def sentences(changed: Changed, monitor: str) -> list[str]:
    """Say what a change means.

    Parameters
    ----------
    monitor : value of QUANT_PLATFORM_MONITOR
    """
    change, promise = changed.change, changed.promise
    lines = [
        f"{change.model} is a {change.state} model from {change.begins} on, after it was"
        f" {changed.before}"
    ]
    if promise is not None:
        mean, lower, haircut, promised = (
            f"{ROOT_YEAR * value:.2f}"
            for value in (promise.mean, promise.lower, promise.haircut, promise.promised)
        )
        lines.append(
            f"Its backtest promises a scaled return of at least {promised} a year: {mean} over"
            f" {promise.sessions:,} sessions, {lower} at the lower end of its interval, less"
            f" {haircut} for {promise.trials} trials ({promise.effective_trials:.1f} independent)"
        )
        if promise.promised <= 0.0:
            lines.append("That is no gain: the monitor will find a model that loses, and no other")
    if changed.is_past:
        select = "portfolios+" if monitor == HALT else "model_monitor"
        lines.append(
            "Sessions after it are computed already; bring them up: quant-platform backfill"
            f" --start {change.begins} --recompute --select {select}"
        )
    return lines
