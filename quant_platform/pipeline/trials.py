"""The daily models in the ledger of trials: each is one trial, and each run of it a row below it.

A model's window is open at both ends: a new session, a correction or another version of the code is
a run, never a trial; the same code that gives the same returns again adds none. What a model is
judged against is no trial. A run has the returns of the sessions
that it computed, and the figures since the first session. What does not belong here: how figures
are computed (`portfolios.py`), and what a trial is made of (`strategies/trials.py`).
"""

import platform as machine
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_platform.evaluation.performance import INCEPTION
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.provenance import code_version
from quant_platform.storage import bulk
from quant_platform.storage.data_version import DataVersion
from quant_platform.storage.ledger import Recorded, record_statement
from quant_platform.storage.replace import Statement
from quant_platform.storage.trials import (
    METRIC_COLUMNS,
    Circumstance,
    Outcome,
    Study,
    Trial,
    TrialRun,
)
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.condition_sources import read_sources
from quant_platform.strategies.source_text import written_source
from quant_platform.strategies.trials import Terms, book_trial, code_of, model_trial
from quant_platform.trading.costs import costs_of
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limits

Named = tuple[Trial, Strategy | Book, str]
"""A trial, what it is of, and the text of what is no file of the package."""

STUDY = Study("pipeline", "", declared=True, hypothesis="The models that run each day.")
"""The study of the daily models."""


@dataclass
class DailyTrials:
    """The trials that the daily models are, each version of the data read once.

    Attributes
    ----------
    platform : whose models
    """

    platform: Platform
    _known: dict[str, tuple[DataVersion, list[Named]]] = field(default_factory=dict)

    def up_to(self, last: str) -> tuple[DataVersion, list[Named]]:
        """Return the version of the data up to a session (ISO date), and the models' trials."""
        if last not in self._known:
            data = _data(self.platform, last)
            self._known[last] = data, list(_trials(self.platform, _terms(self.platform, data)))
        return self._known[last]

    def ids(self, last: str) -> list[str]:
        """Ids of the trials, in a run up to a session."""
        return [trial.id for trial, _, _ in self.up_to(last)[1]]


def trial_statements(
    daily: DailyTrials,
    sessions: Sequence[str],
    ids: Mapping[str, int],
    performance: pd.DataFrame,
    history: pd.DataFrame,
) -> list[Statement]:
    """Statements that record the models' figures, for the transaction that stores them.

    Parameters
    ----------
    daily : the models' trials
    sessions : ISO dates of the sessions that were computed, ascending
    ids : model's name to its id
    performance : rows of `model_performance` of these sessions
    history : rows of `portfolios` up to the last of them
    """
    platform = daily.platform
    data, trials = daily.up_to(sessions[-1])
    of_all = performance[performance["window_name"] == INCEPTION]
    recent = history[history["date"] >= pd.Timestamp(sessions[0])]
    runs: list[Recorded] = []
    sources: dict[str, str] = {}
    for trial, model, text in trials:
        figures = of_all[of_all["model_id"] == ids[model.name]]
        returns = recent[recent["model_id"] == ids[model.name]]
        if figures.empty or returns.empty:
            continue
        days = [f"{day:%Y-%m-%d}" for day in (returns["date"].min(), returns["date"].max())]
        newest = figures.sort_values("date").iloc[-1]
        outcome = Outcome(
            # A count that its column cannot hold is null there.
            {name: float(newest[name]) for name in METRIC_COLUMNS if not pd.isna(newest[name])},
            returns.sort_values("date")["daily_return"].to_numpy(np.float32),
        )
        if _is_recorded(platform, trial, days, returns["date"], history, ids[model.name], outcome):
            continue
        runs.append((TrialRun(trial, code_version(), data.digest, *days), outcome))
        sources |= {trial.source_digest: text} if text else {}
    how = Circumstance("asset", STUDY.person, machine.node())
    return [record_statement(STUDY, runs, how, sources)] if runs else []


def _data(platform: Platform, last: str) -> DataVersion:
    database = platform.database
    return DataVersion.read(lambda sql, given: bulk.query(database, sql, given), last)


def _terms(platform: Platform, data: DataVersion) -> Terms:
    """What is assumed of all models; their windows are open at both ends."""
    settings = platform.settings
    return Terms(
        costs_of(settings),
        Limits.read(settings.limits),
        DelistingRules.of(settings),
        settings.capital,
        settings.risk_free,
        read_sources(settings.conditions),
        data.universe,
        None,
        None,
    )


_COVERING = """
SELECT first_session, daily_returns FROM trial_runs
WHERE trial_id = $1 AND origin = 'asset' AND code_version = $2 AND failed IS NULL
  AND first_session <= $3::text::date AND last_session >= $4::text::date
ORDER BY id DESC LIMIT 1
"""


def _is_recorded(
    platform: Platform,
    trial: Trial,
    days: Sequence[str],
    sessions: "pd.Series[pd.Timestamp]",
    history: pd.DataFrame,
    model_id: int,
    outcome: Outcome,
) -> bool:
    """Whether the same code gave these returns before, in a run over these sessions and more."""
    rows = bulk.query(platform.database, _COVERING, (trial.id, code_version(), *days))
    if rows.empty:
        return False
    of_model = history[history["model_id"] == model_id]["date"]
    since = pd.Timestamp(rows["first_session"].iloc[0])
    start = int(((of_model >= since) & (of_model < sessions.min())).sum())
    before = np.array(rows["daily_returns"].iloc[0], dtype=np.float32)
    return np.array_equal(before[start : start + len(sessions)], outcome.returns, equal_nan=True)


def _trials(platform: Platform, terms: Terms) -> Iterator[Named]:
    """Yield the models that are trials, and the texts of those that are no files of the package."""
    default = platform.settings.benchmark
    models = {each.name: each for each in platform.models}
    for model in platform.models:
        if model.name != default:
            yield (
                model_trial(terms, model, model.benchmark or default),
                model,
                written_source(code_of(model)),
            )
    for book in platform.books:
        members = {name: models[name] for name in book.members}
        texts = dict.fromkeys(written_source(code_of(each)) for each in members.values())
        yield (
            book_trial(terms, book, members, default),
            book,
            "\n\n".join(filter(None, texts)),
        )
