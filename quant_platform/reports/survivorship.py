"""What securities that ended did to a result, as a sentence, a picture and tables.

What does not belong here: how it is measured (`evaluation/survivorship.py`).
"""

import pandas as pd
import plotly.graph_objects as go

from quant_platform.evaluation.survivorship import AS_IS, SURVIVORS, Survivorship, scenario_names
from quant_platform.reports.attribution import HEIGHT, MARGIN
from quant_platform.reports.formats import day, name_of, number, percent, whole
from quant_platform.reports.palette import PALETTE


def survivorship_sentences(found: Survivorship) -> list[str]:
    """Return what ended, how far survivors alone would have been better, and what is not stated."""
    said = [f"{found.sentence}."]
    if found.first_members:
        said.append(
            f"Of the {found.first_members} members of {found.first},"
            f" {percent(found.first_without_price)} have no price in {found.last}."
        )
    for of, rows in found.results.groupby("of", sort=False):
        own = rows.set_index("scenario")["difference"]
        if SURVIVORS in own.index and own[SURVIVORS] == own[SURVIVORS]:
            said.append(
                f"Survivors alone, the total return of the {of} is"
                f" {percent(own[SURVIVORS], 2, sign=True)} away from what it was."
            )
    return [*said, *(f"{note}." for note in found.notes)]


def survivorship_table(found: Survivorship) -> pd.DataFrame:
    """Return the results under each scenario as texts."""
    rows = found.results
    return pd.DataFrame(
        {
            "Of": [name_of(value) for value in rows["of"]],
            "Scenario": [name_of(value) for value in rows["scenario"]],
            "Total return": [percent(value, 2) for value in rows["total_return"]],
            "A year": [percent(value, 2) for value in rows["annualized_return"]],
            "Difference": [percent(value, 2, sign=True) for value in rows["difference"]],
        }
    )


def endings_table(found: Survivorship) -> pd.DataFrame:
    """Return the members that have ended as texts, the latest first."""
    rows = found.endings.iloc[::-1]
    return pd.DataFrame(
        {
            "Security": [name_of(value) for value in rows["security_id"]],
            "First session": [day(value) for value in rows["first_session"]],
            "Last session": [day(value) for value in rows["last_session"]],
            "Last price": [number(value) for value in rows["last_price"]],
            "Known of": ["reference data" if value else "no bar" for value in rows["retired"]],
        }
    )


def models_table(models: pd.DataFrame) -> pd.DataFrame:
    """Return each model's closed positions and its total return under each scenario as texts.

    Parameters
    ----------
    models : as `pipeline.survivorship.StoredSurvivorship` has them
    """
    columns = {
        "Model": [name_of(value) for value in models["model_name"]],
        "Closed": [whole(value) for value in models["closed"]],
        "Assumed": [whole(value) for value in models["assumed"]],
        "In distress": [whole(value) for value in models["distressed"]],
    }
    for name in (AS_IS, *scenario_names()):
        columns[name.capitalize()] = [percent(value, 2) for value in models[name]]
    return pd.DataFrame(columns)


def survivorship_figure(found: Survivorship) -> go.Figure:
    """Draw the total return of universe and portfolio under each scenario."""
    figure = go.Figure()
    for colour, (of, rows) in zip(PALETTE, found.results.groupby("of", sort=False), strict=False):
        figure.add_trace(
            go.Bar(
                x=rows["scenario"].to_numpy(dtype=object),
                y=rows["total_return"].to_numpy(),
                name=str(of),
                marker={"color": colour},
                hovertemplate="%{x}: %{y:.2%}<extra></extra>",
            )
        )
    figure.update_layout(
        template="none",
        height=HEIGHT,
        margin=MARGIN,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        yaxis={"tickformat": ".0%"},
    )
    return figure
