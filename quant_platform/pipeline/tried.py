"""What was tried beside the daily models, by the ledger: their Sharpe ratios are deflated by it.

A trial counts by its newest run that succeeded. The daily models as they are now count themselves
among those that are compared; a model as it was before its parameters changed is a trial beside
them. Effective trials are counted among those that were run over the same sessions, and added up:
that is the most that they may amount to.

No run ever changes, so a group of runs is counted once, and the number kept in `effective_trials`:
a daily update reads the returns of no group that it knows.

What does not belong here: how a trial is recorded (`trials.py`), and what follows from their number
(`evaluation/comparison.py`).
"""

from collections.abc import Collection, Sequence
from contextlib import closing
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quant_platform.evaluation.effective_trials import EffectiveTrials, Tried
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.trials import digest_of

_NEWEST = """
SELECT id, sharpe_ratio, first_session::text AS first, last_session::text AS last, sessions
FROM (SELECT DISTINCT ON (trial_id) id, trial_id, sharpe_ratio, first_session, last_session,
        sessions
    FROM trial_runs WHERE failed IS NULL ORDER BY trial_id, id DESC) AS newest
WHERE sharpe_ratio IS NOT NULL AND trial_id <> ALL (string_to_array($1, ' '))
ORDER BY first_session, last_session, id
"""

_RETURNS = """
SELECT daily_returns FROM trial_runs WHERE id = ANY (string_to_array($1, ' ')::bigint[])
ORDER BY id
"""

_KNOWN = """
SELECT runs, effective FROM effective_trials WHERE runs = ANY (string_to_array($1, ' '))
"""

_KEEP = """
INSERT INTO effective_trials (runs, trials, effective) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
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
    Annualised Sharpe ratios, lengths and effective number of the other trials; None: there are
    none.
    """
    rows = bulk.query(database, _NEWEST, (" ".join(models),))
    if rows.empty:
        return None
    groups = [
        group["id"].tolist() for _, group in rows.groupby(["first", "last", "sessions"], sort=True)
    ]
    ratios, sessions = (rows[name].to_numpy(np.float64) for name in ("sharpe_ratio", "sessions"))
    return Tried(ratios, sessions, _effective_of_all(database, groups))


def _effective_of_all(database: Database, groups: Sequence[Sequence[int]]) -> float:
    """Add up what groups of runs amount to; those that were not counted yet are counted, and kept.

    One run alone is one trial.
    """
    several = {digest_of(" ".join(map(str, each))): each for each in groups if len(each) > 1}
    alone = len(groups) - len(several)
    known = bulk.query(database, _KNOWN, (" ".join(several),)) if several else None
    counted = {} if known is None else dict(zip(known["runs"], known["effective"], strict=True))
    new = {
        name: min(_effective(database, runs), float(len(runs)))
        for name, runs in several.items()
        if name not in counted
    }
    if new:
        with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.executemany(
                _KEEP, [(name, len(several[name]), value) for name, value in new.items()]
            )
    counted |= new
    return float(alone + sum(counted[name] for name in several))


def _effective(database: Database, runs: Sequence[int]) -> float:
    """Effective rank of runs over the same sessions."""
    counted: EffectiveTrials | None = None
    for start, stop in pairwise([*range(0, len(runs), AT_ONCE), len(runs)]):
        returns = _returns(database, runs[start:stop])
        counted = counted or EffectiveTrials(returns.shape[1], clustered=False)
        counted.add(returns.astype(np.float64))
    rank = counted.effective_rank if counted is not None else np.nan
    return float(rank) if np.isfinite(rank) else float(len(runs))


def _returns(database: Database, runs: Sequence[int]) -> NDArray[np.float32]:
    """Returns of runs over the same sessions, (runs, sessions)."""
    reading = bulk.translated(database, reading=True)
    with reading, database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(_RETURNS, (" ".join(map(str, runs)),))
        column = cursor.fetch_arrow_table().column("daily_returns").combine_chunks()
    values: NDArray[np.float32] = column.values.to_numpy(zero_copy_only=False)
    return values.reshape(len(runs), -1)
