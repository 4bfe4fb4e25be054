"""`ReportData`: everything a page shows, as frames; what reads them is elsewhere.

What belongs here: the frames' meaning, and arrays that several sections look at. What does not
belong here: where they come from (`pipeline/page_data.py`, `backtest_report.py`), and how a section
shows them (`sections/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from quant_platform.reports.histories import Histories

Record = dict[str, Any]
"""A row by the names of its columns."""

PERFORMANCE, BACKTEST = "session", "backtest"
"""Kinds of page: of a session of the platform, and of one backtest."""


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a report shows.

    Attributes
    ----------
    date : the session reported
    models : rows of `models`
    portfolios : rows of `portfolios` up to the session: date, model_id, equity, daily_return and
        the other columns that sections draw, where they are known
    performance : rows of `model_performance` of the session
    ranking : rows of `rank_models` of the session
    trends : rows of `model_trends` of the session
    signals : rows of `signals` of the session
    alerts : rows of `alerts` of the session
    data_quality : rows of `data_quality` of the recent sessions, the session included
    refused : rows of the session in quarantine, counted: table_name, reason, rows
    outstanding : rows of `ingestions` of the recent sessions that are not complete: date, source,
        status, reason
    row_counts : table → number of rows of the session
    assumptions : what the figures rest on, such as costs and the source of the data → in words
    summary : the report in a few sentences
    intervals : 95 % intervals of the figures over 252 sessions, as `performance_intervals`; by
        default none
    risk_free : annual risk-free rate behind the figures, as a fraction: one for all time, or a
        series with the 3-month Treasury yield known in each session of `portfolios`
    frames : what sections ask for beside that, by the names of their `queries`
    kind : which page it is
    title : its heading; empty: the session
    warning : a sentence that must be read first; empty: none
    """

    date: pd.Timestamp
    models: pd.DataFrame
    portfolios: pd.DataFrame
    performance: pd.DataFrame
    ranking: pd.DataFrame
    trends: pd.DataFrame
    signals: pd.DataFrame
    alerts: pd.DataFrame
    data_quality: pd.DataFrame
    refused: pd.DataFrame
    outstanding: pd.DataFrame
    row_counts: Mapping[str, int]
    assumptions: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    risk_free: float | pd.Series = 0.0
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    kind: str = PERFORMANCE
    title: str = ""
    warning: str = ""

    @cached_property
    def histories(self) -> Histories:
        """The portfolios as arrays."""
        return Histories.of(self.portfolios)

    @cached_property
    def names(self) -> dict[int, str]:
        """Name of each model by id."""
        return dict(
            zip(self.models["id"].tolist(), self.models["model_name"].tolist(), strict=True)
        )

    @cached_property
    def ordered(self) -> tuple[int, ...]:
        """Ids of the models with a portfolio, best ranked first, then by id."""
        ranked = self.ranking["model_id"].tolist() if len(self.ranking) else []
        have = list(self.histories.models)
        return (*(each for each in ranked if each in have), *(m for m in have if m not in ranked))

    @cached_property
    def ranked_models(self) -> pd.DataFrame:
        """Rows of `models` in the order of `ordered`: that of legends and curves."""
        return self.models.set_index("id").loc[list(self.ordered)].reset_index()

    @cached_property
    def figures(self) -> dict[tuple[int, str], Record]:
        """Figures by model and window."""
        return {(row["model_id"], row["window_name"]): row for row in records(self.performance)}

    def frame(self, name: str) -> pd.DataFrame:
        """A frame of `frames`; an empty one where nobody gave it."""
        return self.frames.get(name, pd.DataFrame())


def records(frame: pd.DataFrame) -> list[Record]:
    """Rows of a frame by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
