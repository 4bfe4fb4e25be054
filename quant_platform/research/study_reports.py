"""`report_of_study`: the trials of a study out of the ledger, and their benchmark's returns.

Those trials are tested together that have the same sessions, benchmark and assumptions: the largest
such group. The ledger has no returns of a benchmark, so it is run over these sessions; it is no
trial. What does not belong here: the tests (`reports/studies.py`).
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.errors import QuantPlatformError, UnknownNameError
from quant_platform.market.calendar import platform_calendar
from quant_platform.reports.studies import StudyReport, study_report
from quant_platform.research.backtest import backtest
from quant_platform.research.benchmark import benchmark_model
from quant_platform.research.reader import TableReader
from quant_platform.research.restoring import assumptions_of, benchmark_named
from quant_platform.settings import Settings
from quant_platform.storage.run_records import find_run
from quant_platform.strategies.models import model_of

_STUDY = """
SELECT s.id::text AS id, s.name, s.person, s.declared, s.hypothesis, s.metric,
    s.budget::text AS budget, s.give_up, to_char(s.created_at, 'YYYY-MM-DD') AS since,
    (SELECT count(*) FROM study_trials WHERE study_id = s.id) AS trials
FROM studies AS s WHERE s.name = $1
"""

_TRIALS = """
SELECT t.id, t.strategy, t.parameters::text AS parameters, r.id AS run, r.sharpe_ratio,
    r.annualized_return, r.daily_returns, r.first_session::text AS first,
    r.last_session::text AS last, t.benchmark,
    concat_ws(' ', t.costs, t.limits, t.delistings, t.capital, t.risk_free) AS assumed
FROM study_trials AS s JOIN trials AS t ON t.id = s.trial_id
JOIN LATERAL (SELECT * FROM trial_runs WHERE trial_id = t.id AND failed IS NULL
    ORDER BY (origin = 'asset'), sessions DESC, id DESC LIMIT 1) AS r ON true
WHERE s.study_id = $1::text::bigint ORDER BY t.id
"""
"""Of a trial the run with the most sessions; a daily model's run may be of one session alone."""

ALIKE = ("first", "last", "sessions", "benchmark", "assumed")


def report_of_study(reader: TableReader, settings: Settings, name: str) -> StudyReport:
    """Test the trials of a study.

    Raises
    ------
    UnknownNameError
        There is no such study.
    """
    found = reader.query(_STUDY, (name,))
    if found.empty:
        raise UnknownNameError(f"There is no study {name!r}", "See: quant-platform studies")
    study = {str(key): value for key, value in found.iloc[0].items()}
    trials = reader.query(_TRIALS, (study["id"],))
    returns = [np.asarray(each, np.float32) for each in trials["daily_returns"]]
    trials["daily_returns"] = pd.Series(returns, trials.index, dtype=object)
    trials["sessions"] = [len(each) for each in returns]
    together: list[int] = []
    against, note = None, ""
    if len(trials):
        groups = trials.groupby(list(ALIKE), sort=True).indices
        together = [int(place) for place in max(groups.values(), key=len)]
        try:
            against = _benchmark(reader, settings, trials.iloc[together[0]])
        except QuantPlatformError as error:
            note = f"The benchmark cannot be run: {error.message}"
        if against is not None and len(against) != trials["sessions"].iloc[together[0]]:
            against, note = None, "The benchmark has other sessions than the trials"
    if against is None:
        together = []
    return study_report(
        name, _facts(study, len(trials), note), trials.drop(columns="sessions"), together, against
    )


def _facts(study: dict[str, Any], run: int, note: str) -> dict[str, str]:
    declared = "declared" if study["declared"] else "not declared"
    budget = study["budget"] if isinstance(study["budget"], str) else ""
    count = int(study["trials"])
    over = "; exploratory" if budget and count > int(budget) else ""
    facts = {
        "by": f"{study['person']}, since {study['since']}, {declared}",
        "hypothesis": study["hypothesis"],
        "given up": study["give_up"],
        "trials": f"{count:,}" + (f" of {int(budget):,}{over}" if budget else ", without a budget"),
        "without a result": f"{count - run:,}" if count > run else None,
        "tests": note or None,
    }
    return {key: text for key, text in facts.items() if isinstance(text, str)}


def _benchmark(
    reader: TableReader, settings: Settings, trial: "pd.Series[Any]"
) -> "pd.Series[float]":
    """Session returns of a trial's benchmark, by its assumptions."""
    record = find_run(reader.query, f"run:{trial['run']}")
    against = benchmark_named(record.trial.benchmark, settings)
    named = partial(model_of, settings)
    model = benchmark_model(against, named)
    result = backtest(
        reader,
        model if model is not None else named(settings.benchmark),
        trial["first"],
        trial["last"],
        calendar=platform_calendar(settings),
        assumed=assumptions_of(record.trial),
        benchmark=against,
        default_benchmark=settings.benchmark,
        named=named,
    )
    return result.benchmark_returns
