"""What learned models have shown, in a line each: nothing, or how much.

Frames in, texts out. What does not belong here: how skill is measured (`learning/versions.py`).
"""

import pandas as pd

NOTHING = "nothing that could be told from chance"


def forecast_lines(versions: pd.DataFrame) -> list[str]:
    """Say of each learned model which version is in force, and what it foretold out of sample.

    Parameters
    ----------
    versions : model_name and the columns of `forecast_models`, up to the session of the report; the
        last row of each model counts
    """
    newest = versions.sort_values("date").drop_duplicates("model_name", keep="last")
    return [_line(row) for _, row in newest.sort_values("model_name").iterrows()]


def _line(row: "pd.Series") -> str:
    name = str(row["model_name"])
    if pd.isna(row["champion"]):
        return f"{name}: no version is in force: {row['reason']}"
    trained = f"{name}: the version of {pd.Timestamp(row['champion']):%Y-%m-%d} is in force"
    if pd.isna(row["skill"]) or not row["skill_sessions"]:
        return f"{trained}; no outcome of its forecasts is known yet"
    sessions = f"over {int(row['skill_sessions']):,} sessions"
    if pd.isna(row["skill_lower"]):
        return f"{trained}; too few outcomes to judge it, {sessions}"
    figures = (
        f"rank correlation with what followed {row['skill']:+.4f}, 95 % interval"
        f" {row['skill_lower']:+.4f} to {row['skill_upper']:+.4f}, {sessions}"
    )
    if row["skill_upper"] < 0.0:
        return f"{trained}; it foretold the contrary: {figures}"
    return f"{trained}; {figures}" + ("" if row["skill_lower"] > 0.0 else f": {NOTHING}")
