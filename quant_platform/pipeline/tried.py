"""What was tried beside the daily models, by the ledger: their Sharpe ratios are deflated by it.

A trial counts by its newest run that succeeded. The daily models as they are now count themselves
among those that are compared; a model as it was before its parameters changed is a trial beside
them. Effective trials are counted among those that were run over the same sessions, and added up:
that is the most that they may amount to. What does not belong here: how a trial is recorded
(`trials.py`), and what follows from their number (`evaluation/comparison.py`).
"""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from quant_platform.evaluation.effective_trials import EffectiveTrials, Tried
from quant_platform.storage import bulk
from quant_platform.storage.database import Database

_NEWEST = """
SELECT id, sharpe_ratio, first_session::text AS first, last_session::text AS last,
    cardinality(daily_returns) AS sessions
FROM (SELECT DISTINCT ON (trial_id) id, trial_id, sharpe_ratio, first_session, last_session,
        daily_returns
    FROM trial_runs WHERE failed IS NULL ORDER BY trial_id, id DESC) AS newest
WHERE sharpe_ratio IS NOT NULL AND trial_id <> ALL (string_to_array($1, ' '))
ORDER BY first_session, last_session, id
"""

_RETURNS = """
SELECT daily_returns FROM trial_runs WHERE id = ANY (string_to_array($1, ' ')::bigint[])
ORDER BY id
"""

AT_ONCE = 1_000
"""Runs whose returns are read at a time."""


def tried_beside(database: Database, models: Collection[str]) -> Tried | None:
    """Count what the ledger holds beside the daily models.

    Parameters
    ----------
    models : ids of the trials that are the daily models as they are now

    Returns
    -------
    Annualised Sharpe ratios and effective number of the other trials; None: there are none.
    """
    rows = bulk.query(database, _NEWEST, (" ".join(models),))
    if rows.empty:
        return None
    effective = sum(
        _effective(database, group["id"].tolist())
        for _, group in rows.groupby(["first", "last", "sessions"], sort=True)
    )
    return Tried(rows["sharpe_ratio"].to_numpy(np.float64), effective)


def _effective(database: Database, runs: Sequence[int]) -> float:
    """Effective rank of runs over the same sessions."""
    counted: EffectiveTrials | None = None
    for start, stop in pairwise([*range(0, len(runs), AT_ONCE), len(runs)]):
        part = " ".join(map(str, runs[start:stop]))
        returns = np.stack(bulk.query(database, _RETURNS, (part,))["daily_returns"].tolist())
        counted = counted or EffectiveTrials(returns.shape[1])
        counted.add(returns)
    rank = counted.effective_rank if counted is not None else np.nan
    return float(rank) if np.isfinite(rank) else float(len(runs))
