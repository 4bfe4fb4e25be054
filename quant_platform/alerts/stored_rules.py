"""Rules over what is stored after a run: data quality, the ranking, promises, and what drifts.

They are evaluated whenever alerts are delivered, so that they also see what a run stored before a
blocking check stopped it. To add one, name a `StoredRule` in an extension (`extensions.py`), or add
it to `STORED_RULES`. Rules of which the report has a line in each session do not belong here: see
`rules.py`.
"""

from dataclasses import dataclass, replace

from quant_platform.errors import ContractError, SettingsError
from quant_platform.extensions import extension_modules


@dataclass(frozen=True)
class StoredRule:
    """A condition that a statement finds in the platform's tables.

    Attributes
    ----------
    name : name of the rule in `alert_events.rule`
    statement : SQL with the parameter %(first)s, a session; its columns are date, subject, severity
        and message, a row for each session from that one on in which the condition holds
    severity : of every row, whatever the statement says; empty: as it says
    """

    name: str
    statement: str
    severity: str = ""

    def tuned(self, severity: str, threshold: float | None) -> "StoredRule":
        """Return the rule with another severity.

        Raises
        ------
        SettingsError
            A threshold is given: it stands in the statement.
        """
        if threshold is not None:
            raise SettingsError(f"The alert rule {self.name} has no threshold", "Leave it out")
        return replace(self, severity=severity)


DATA_QUALITY = StoredRule(
    "data_quality",
    """
    SELECT date, check_name, CASE severity WHEN 'error' THEN 'critical' ELSE 'warning' END,
        check_name || ' of ' || table_name || ' failed in ' || date || ', failures: ' || failures
    FROM data_quality
    WHERE passed IS FALSE AND date >= %(first)s AND check_name <> 'stale_sessions'
    """,
)
"""A check failed. What is stale has alerts of its own, of the origin `ledger`."""

RANKING_CHANGE = StoredRule(
    "ranking_change",
    """
    SELECT date, best_model, 'info',
        best_model || ' leads the ranking; before, ' || before || ' did'
    FROM (
        SELECT date, best_model, lag(best_model) OVER (ORDER BY date) AS before
        FROM performance_reports WHERE date >= %(first)s
    ) AS ranked
    WHERE best_model <> before
    """,
)
"""Another model leads the ranking than in the session before."""

PROMISE_BROKEN = StoredRule(
    "promise_broken",
    """
    SELECT r.date, m.model_name, 'critical',
        m.model_name || ', ' || r.state || ' since ' || r.promoted_on || ': its returns break what'
        || ' its backtest promised (' || round((r.mean * sqrt(252))::numeric, 2) || ' a year over '
        || r.sessions || ' sessions, at most ' || round((r.upper * sqrt(252))::numeric, 2)
        || ' with 95 %% confidence, at least '
        || round((r.promised * sqrt(252))::numeric, 2) || ' promised)'
        || CASE WHEN p.halted THEN '; its account is halted' ELSE '' END
    FROM model_monitor AS r JOIN models AS m ON m.id = r.model_id
    LEFT JOIN portfolios AS p ON p.model_id = r.model_id AND p.date = r.date
    WHERE r.crossed AND r.date >= %(first)s
    """,
)
"""A model in use does not hold what was promised when it was promoted (`pipeline/monitor.py`)."""


DRIFT = StoredRule(
    "drift",
    """
    SELECT d.date, m.model_name, 'warning',
        m.model_name || ': what the version of ' || d.trained_on || ' was trained on is no longer'
            || ' what it sees: stability index of its forecasts '
            || coalesce(round(d.of_forecasts::numeric, 2)::text, 'unknown') || ', features beyond'
            || ' 0.25: ' || d.moved || ' of ' || d.watched
    FROM (
        SELECT date, model_id, max(trained_on) AS trained_on,
            max(stability_index) FILTER (WHERE name = 'forecast') AS of_forecasts,
            count(*) FILTER (WHERE name <> 'forecast' AND stability_index > 0.25) AS moved,
            count(*) FILTER (WHERE name <> 'forecast') AS watched
        FROM forecast_drift WHERE date >= %(first)s GROUP BY date, model_id
    ) AS d JOIN models AS m ON m.id = d.model_id
    WHERE d.of_forecasts > 0.25 OR 2 * d.moved > d.watched
    """,
)
"""Forecasts of a learned model, or most of its leading features, have moved far."""

CALIBRATION = StoredRule(
    "calibration",
    """
    SELECT c.date, m.model_name, 'warning',
        m.model_name || ': its signals'' probabilities are off: expected calibration error '
            || round(100 * c.expected_calibration_error::numeric, 1) || ' %%, Brier score '
            || round(c.brier::numeric, 4) || ', that of the base rate '
            || round(c.uncertainty::numeric, 4) || ', over ' || c.outcomes || ' outcomes'
    FROM signal_calibration AS c JOIN models AS m ON m.id = c.model_id
    CROSS JOIN LATERAL (SELECT greatest(0.1, sqrt((c.horizon + 1) / 252.0)) AS error) AS allowed
    WHERE c.date >= %(first)s AND c.outcomes >= 250
        AND (c.expected_calibration_error > allowed.error
            OR c.brier - c.uncertainty > allowed.error ^ 2)
    """,
)
"""Probabilities of signals are not what came true, or tell less than the share that was right.

The error allowed is 0.1, and at least two standard errors of a share of hits near one half where
the outcomes of a session count as one, and those of overlapping horizons too."""

STORED_RULES: tuple[StoredRule, ...] = (
    DATA_QUALITY,
    RANKING_CHANGE,
    PROMISE_BROKEN,
    DRIFT,
    CALIBRATION,
)
"""The rules of this kind that the platform brings."""


def all_stored_rules() -> tuple[StoredRule, ...]:
    """Return the platform's rules, then those that extensions name.

    Raises
    ------
    ContractError
        Two rules have one name.
    """
    by_name = {rule.name: rule for rule in STORED_RULES}
    for module in extension_modules():
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, StoredRule):
                continue
            if by_name.setdefault(value.name, value) is not value:
                raise ContractError(
                    f"Two alert rules are called {value.name!r}, one of them in {module.__name__}",
                    "Rename one of them.",
                )
    return tuple(by_name.values())
