"""Alert rules on frames in which it is known what must be found."""

from dataclasses import dataclass

import pandas as pd
import pytest

from quant_platform.alerts.rules import (
    COLUMNS,
    RULES,
    AlertInputs,
    DataStale,
    ModelSilent,
    PerformanceLimit,
    evaluate_alerts,
)
from quant_platform.errors import SessionError
from quant_platform_tests.support.report_frames import (
    ACTIVITY,
    DATES,
    MODELS,
    PERFORMANCE,
    UNIVERSE,
    alert_inputs,
)

DRAWDOWN, RETURN = RULES[0], RULES[1]


def test_default_limits() -> None:
    assert isinstance(DRAWDOWN, PerformanceLimit)
    assert isinstance(RETURN, PerformanceLimit)
    assert (DRAWDOWN.column, DRAWDOWN.window, DRAWDOWN.limit) == ("max_drawdown", "252d", -0.20)
    assert (RETURN.column, RETURN.window, RETURN.limit) == ("total_return", "21d", -0.10)


@pytest.mark.parametrize(
    ("rule", "column", "window", "limit"),
    [(DRAWDOWN, "max_drawdown", "252d", -0.20), (RETURN, "total_return", "21d", -0.10)],
)
def test_limits(rule: PerformanceLimit, column: str, window: str, limit: float) -> None:
    session = DATES[300]
    rows = PERFORMANCE[PERFORMANCE["date"] == session].copy()
    rows[column] = 0.0
    for model, value in ((1, limit - 0.05), (2, limit - 0.001), (3, limit)):
        rows.loc[(rows["model_id"] == model) & (rows["window_name"] == window), column] = value
    inputs = alert_inputs(pd.DatetimeIndex([session]), performance=rows)
    found = evaluate_alerts(inputs, [rule])
    assert found["subject"].tolist() == ["fast", "hold_all"]  # exactly at the limit is no breach
    assert found["severity"].tolist() == [rule.severity, "info"]  # the benchmark's is information
    assert found["value"].tolist() == pytest.approx([limit - 0.001, limit - 0.05])
    assert found["threshold"].tolist() == [limit, limit]
    assert found["message"][1].startswith("hold_all: ")


def test_drawdown_message() -> None:
    rows = PERFORMANCE[PERFORMANCE["date"] == DATES[300]].copy()
    rows["max_drawdown"] = -0.234
    inputs = alert_inputs(DATES[300:301], performance=rows)
    message = evaluate_alerts(inputs, [DRAWDOWN])["message"][0]
    assert message == "<b>slow</b>: drawdown of -23.4 % over 252 sessions, limit -20.0 %"


def test_silent_model() -> None:
    """Model 2's last signal is in session 100: sessions 163 on are 63 without one."""
    quiet = ACTIVITY.copy()
    late = (quiet["model_id"] == 2) & (quiet["date"] > DATES[100])
    quiet.loc[late, "active_signals"] = 0
    found = evaluate_alerts(alert_inputs(activity=quiet), [ModelSilent()])
    assert found["date"].tolist() == DATES[163:].tolist()
    assert set(found["subject"]) == {"fast"}
    # Absent rows say the same as zeros.
    absent = evaluate_alerts(alert_inputs(activity=quiet[~late]), [ModelSilent()])
    pd.testing.assert_frame_equal(absent, found)


def test_silence_is_judged_once_the_model_is_old_enough() -> None:
    found = evaluate_alerts(alert_inputs(activity=ACTIVITY.iloc[:0]), [ModelSilent()])
    counts = found.groupby("subject")["date"].agg(["min", "size"])
    assert (counts["min"] == DATES[62]).all()
    assert sorted(counts.index) == ["<b>slow</b>", "fast"]  # never the benchmark


def test_silence_needs_its_calendar() -> None:
    with pytest.raises(SessionError, match="calendar"):
        evaluate_alerts(alert_inputs(calendar=DATES[:10]), [ModelSilent()])


def test_stale_data() -> None:
    day, other = DATES[10], DATES[20]
    missing = (UNIVERSE["date"] == day) & (UNIVERSE["symbol"] == "BBB")
    bars = UNIVERSE[~missing & (UNIVERSE["date"] != other)]
    found = evaluate_alerts(alert_inputs(bars=bars), [DataStale()])
    assert found[["date", "subject", "severity"]].values.tolist() == [
        [day, "BBB", "warning"],
        [other, "market_data", "critical"],
    ]
    assert found["message"][1] == f"market_data: no bar of any symbol for {other:%Y-%m-%d}"


def test_rows_fit_the_table() -> None:
    rows = evaluate_alerts(alert_inputs(activity=ACTIVITY.iloc[:0]))
    assert rows.columns.tolist() == COLUMNS
    assert len(rows)
    assert not rows.duplicated(["date", "origin", "rule", "subject"]).any()
    assert set(rows["origin"]) == {"report"}
    assert set(rows["severity"]) <= {"info", "warning", "critical"}


def test_nothing_to_say() -> None:
    none = evaluate_alerts(alert_inputs(), [ModelSilent(), DataStale()])
    assert none.empty
    assert none.columns.tolist() == COLUMNS


def test_one_session_gives_the_rows_of_all() -> None:
    quiet = ACTIVITY[ACTIVITY["date"] < DATES[150]]
    whole = evaluate_alerts(alert_inputs(activity=quiet))
    for session in (DATES[61], DATES[62], DATES[211], DATES[212], DATES[319]):
        inputs = alert_inputs(pd.DatetimeIndex([session]))
        near = quiet[quiet["date"].isin(inputs.calendar)]
        alone = evaluate_alerts(alert_inputs(pd.DatetimeIndex([session]), activity=near))
        expected = whole[whole["date"] == session].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected)


def test_a_rule_is_an_object() -> None:
    @dataclass(frozen=True)
    class FewModels:
        name: str = "few_models"

        def evaluate(self, inputs: AlertInputs) -> pd.DataFrame:
            text = f"{len(MODELS)} models"
            row = {"subject": "models", "severity": "info", "message": text}
            return pd.DataFrame({"date": inputs.sessions, **row, "value": 3.0, "threshold": 4.0})

    found = evaluate_alerts(alert_inputs(), [*RULES, FewModels()])
    assert (found["rule"] == "few_models").sum() == len(DATES)
