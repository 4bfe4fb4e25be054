"""`TrialLists`: the trials and studies of a store, as frames.

What does not belong here: how they are counted (`storage/ledger.py`).
"""

from dataclasses import dataclass

import pandas as pd

from quant_platform.errors import UnknownNameError
from quant_platform.research.stored import StoredTables

_TRIALS = """
SELECT t.id, t.strategy, t.parameters::text AS parameters, t.first_session, t.last_session,
    coalesce(r.runs, 0) AS runs, n.sharpe_ratio, n.annualized_return, n.max_drawdown, n.failed,
    t.created_at
FROM trials AS t
LEFT JOIN LATERAL (SELECT count(*) AS runs, max(id) AS newest FROM trial_runs
    WHERE trial_id = t.id) AS r ON true
LEFT JOIN trial_runs AS n ON n.id = r.newest
WHERE $1 = '' OR EXISTS (SELECT FROM study_trials AS s JOIN studies ON studies.id = s.study_id
    WHERE s.trial_id = t.id AND studies.name = $1)
ORDER BY t.created_at DESC, t.id
"""

_STUDIES = """
SELECT s.name, s.person, s.hypothesis, s.metric, s.budget, s.give_up, count(t.trial_id) AS trials,
    CASE WHEN NOT s.declared THEN 'undeclared' WHEN count(t.trial_id) > s.budget THEN 'exploratory'
        WHEN s.budget IS NULL THEN 'no budget' ELSE 'within its budget' END AS state, s.created_at
FROM studies AS s LEFT JOIN study_trials AS t ON t.study_id = s.id
GROUP BY s.id ORDER BY s.created_at DESC, s.name
"""


@dataclass(frozen=True)
class TrialLists(StoredTables):
    """The ledger of trials of one database."""

    def trials(self, study: str | None = None) -> pd.DataFrame:
        """List the configurations that were simulated, those counted last first.

        Parameters
        ----------
        study : those that somebody looked at in this study; default: all

        Returns
        -------
        pd.DataFrame
            A row per trial: its id, strategy, parameters as JSON and window (None where it is open
            at an end), the number of its runs, and figures of the newest of them.

        Raises
        ------
        UnknownNameError
            There is no such study.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> result = store.backtest("mean_reversion", "2012-01-03", "2012-06-29")
        >>> "mean_reversion" in store.trials()["strategy"].tolist()
        True
        """
        if study is not None:
            names = self.studies()["name"].tolist()
            if study not in names:
                listed = ", ".join(names[:20]) or "none"
                raise UnknownNameError(f"There is no study {study!r}", f"Studies: {listed}")
        return self._reader.query(_TRIALS, (study or "",))

    def studies(self) -> pd.DataFrame:
        """List the studies, those begun last first.

        Returns
        -------
        pd.DataFrame
            A row per study: what was declared, the number of its trials, and its state: with more
            trials than its budget it is `exploratory`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> with qp.study("reversals in 2012", budget=5):
        ...     result = store.backtest("mean_reversion", "2012-01-03", "2012-06-29")
        >>> store.studies().set_index("name").loc["reversals in 2012", "state"]
        'within its budget'
        """
        return self._reader.query(_STUDIES)
