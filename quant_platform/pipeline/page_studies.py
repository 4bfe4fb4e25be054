"""Declared studies as a page shows them: what of their trials was known on its session, and found.

A study counts from the day it was declared, a trial from the day it was recorded, and its run if
it ends by the session: so the page of a session is the same whenever it is written. The study of
the models that run each day is none that a person declared. What does not belong here: the tests
(`reports/studies.py`), and a study's report with its benchmark (`research/study_reports.py`).
"""

import numpy as np
import pandas as pd

from quant_platform.pipeline.trials import STUDY
from quant_platform.reports.studies import study_report
from quant_platform.storage import bulk
from quant_platform.storage.database import Database

MOST_TRIALS = 500
"""Trials of a study that are tested on a page; of more, `quant-platform studies show` says it."""

_STUDIES = """
SELECT s.id::text AS id, s.name, s.hypothesis, s.metric, s.budget::float8 AS budget, s.give_up,
    to_char(s.created_at, 'YYYY-MM-DD') AS since, (SELECT count(*) FROM study_trials AS t
        WHERE t.study_id = s.id AND t.created_at < $1::text::date + 1) AS trials
FROM studies AS s WHERE s.declared AND s.name <> $2
    AND s.created_at < $1::text::date + 1 ORDER BY s.name
"""

_TRIALS = """
SELECT t.id, t.strategy, t.parameters::text AS parameters, r.sharpe_ratio, r.annualized_return,
    r.daily_returns
FROM study_trials AS s JOIN trials AS t ON t.id = s.trial_id
JOIN LATERAL (SELECT * FROM trial_runs WHERE trial_id = t.id AND failed IS NULL
    AND last_session <= $2::text::date AND created_at < $2::text::date + 1
    ORDER BY (origin = 'asset'), sessions DESC, id DESC LIMIT 1) AS r ON true
WHERE s.study_id = $1::text::bigint AND s.created_at < $2::text::date + 1 ORDER BY t.id
"""


def declared_studies(database: Database, session: str) -> pd.DataFrame:
    """Return a row per study that was declared by a session (ISO date).

    Returns
    -------
    DataFrame
        name, hypothesis, metric, budget, give_up, since, trials; and of those with a run by then:
        tested, discoveries (q of at most 5 %), best (strategy) and best_sharpe, null where nothing
        was tested.
    """
    studies = bulk.query(database, _STUDIES, (session, STUDY.name))
    rows = [
        {**study, **_found(database, session, str(study["id"]), int(study["trials"]))}
        for study in studies.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _found(database: Database, session: str, study: str, trials: int) -> dict[str, object]:
    """What the tests of a study's trials say; nothing of one without a trial or with too many."""
    nothing: dict[str, object] = {
        "tested": 0,
        "discoveries": None,
        "best": None,
        "best_sharpe": np.nan,
    }
    if not 0 < trials <= MOST_TRIALS:
        return nothing
    rows = bulk.query(database, _TRIALS, (study, session))
    if rows.empty:
        return nothing
    returns = [np.asarray(each, np.float32) for each in rows["daily_returns"]]
    rows["daily_returns"] = pd.Series(returns, rows.index, dtype=object)
    report = study_report("", {}, rows)
    best = report.trials.iloc[0]
    return {
        "tested": int(report.trials["p_value"].notna().sum()),
        "discoveries": report.discoveries,
        "best": str(best["strategy"]),
        "best_sharpe": float(best["sharpe_ratio"]),
    }
