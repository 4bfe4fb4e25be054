"""What a study has found, and what of it is luck: its trials with what tests of all of them say.

1. Each trial's p-value is 1 − its probabilistic Sharpe ratio; its q-values are the rates of false
   discoveries among the study's trials (`evaluation/multiple_testing.py`).
2. The trials that were run over the same sessions by the same assumptions are tested together
   against their benchmark: Hansen's test, whether any of them beats it, and StepM, which ones do.

Frames in, frames and text out. What does not belong here: reading the ledger and the benchmark's
returns (`research/study_reports.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.evaluation.bootstrap import FEWEST_SESSIONS
from quant_platform.evaluation.effective_trials import EffectiveTrials
from quant_platform.evaluation.multiple_testing import (
    Superiority,
    false_discovery_rates,
    superiority,
)
from quant_platform.evaluation.sharpe_inference import probabilistic_sharpe
from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.formats import NONE

LEVEL = 0.05
"""Rate of false discoveries, and size of the tests, at which something counts as found."""

SHOWN = 20
"""Trials that the screen and a notebook list, the highest Sharpe ratios first."""

COLUMNS = (
    *("id", "strategy", "parameters", "sessions", "sharpe_ratio", "annualized_return"),
    *("p_value", "benjamini_hochberg", "benjamini_yekutieli", "superior"),
)
"""Columns of the trials' frame."""


@dataclass(frozen=True, eq=False)
class StudyReport:
    """A study and its trials.

    Attributes
    ----------
    name : of the study
    facts : what was declared and what there is, in words: label → text
    trials : a row per trial, the highest Sharpe ratio first: `COLUMNS`. p_value and q-values are
        NaN below 21 sessions; superior says whether StepM finds the trial better than its
        benchmark, None where it was not compared
    spa_p_value : Hansen's p-value that no trial compared beats the benchmark; NaN: not tested
    spa_lower, spa_upper : the bounds of it
    compared : trials that were tested together
    benchmark : what against
    discoveries : trials with a q-value (Benjamini–Hochberg) of at most 5 %
    effective_trials : independent trials that those compared amount to; NaN: none is compared
    notes : what could not be said, and why
    """

    name: str
    facts: Mapping[str, str]
    trials: pd.DataFrame
    spa_p_value: float
    spa_lower: float
    spa_upper: float
    compared: int
    benchmark: str
    discoveries: int
    effective_trials: float
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def superior(self) -> int:
        """Trials that StepM finds better than the benchmark, with 95 % confidence in all."""
        return int((self.trials["superior"] == True).sum())  # noqa: E712 — None is neither

    @property
    def findings(self) -> list[str]:
        """Say in sentences what the tests found."""
        tested = int(self.trials["p_value"].notna().sum())
        said = [
            f"{self.discoveries} of {tested} trials tested would be discoveries with a rate of"
            f" false ones of {LEVEL:.0%} (Benjamini–Hochberg)"
        ]
        if self.spa_p_value == self.spa_p_value:
            verdict = "beats" if self.spa_p_value <= LEVEL else "may not beat"
            said.append(
                f"The best of {self.compared} compared over the same sessions {verdict}"
                f" {self.benchmark}: p {self.spa_p_value:.3f} by Hansen's test, between"
                f" {self.spa_lower:.3f} and {self.spa_upper:.3f}"
            )
            said.append(f"StepM finds {self.superior} of them superior, with 95 % confidence")
        if self.effective_trials == self.effective_trials:
            said.append(f"They amount to {self.effective_trials:.1f} independent trials")
        return said

    def rows(self) -> list[tuple[str, ...]]:
        """Cells of the first trials, as text; `HEADERS` names them.

        Of the parameters those are shown that are not the same in all of them.
        """
        parameters = [_document(each) for each in self.trials["parameters"]]
        names = dict.fromkeys(name for each in parameters for name in each)
        varied = [name for name in names if len({repr(each.get(name)) for each in parameters}) > 1]
        told = [
            ", ".join(f"{name} {each[name]}" for name in varied if name in each) or NONE
            for each in parameters
        ]
        return [
            (
                str(row["id"])[:12],
                str(row["strategy"]),
                text,
                f"{row['sessions']:,}",
                _figure(row["sharpe_ratio"], 2),
                _figure(row["p_value"], 3),
                _figure(row["benjamini_hochberg"], 3),
                {True: "yes", False: "no"}.get(row["superior"], NONE),
            )
            for row, text in zip(self.trials.head(SHOWN).to_dict("records"), told, strict=False)
        ]

    def __str__(self) -> str:
        lines = [f"Study {self.name}", *(f"  {key}: {text}" for key, text in self.facts.items())]
        lines += [*self.findings, *(f"Note: {each}" for each in self.notes)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        listed = [HEADERS, *self.rows()]
        return "\n".join([str(self), *("  ".join(row) for row in listed)])

    def _repr_html_(self) -> str:
        """Draw itself in a notebook."""
        return study_fragment(self)


HEADERS = ("trial", "strategy", "parameters", "sessions", "Sharpe", "p", "q", "superior")


def study_report(
    name: str,
    facts: Mapping[str, str],
    trials: pd.DataFrame,
    together: Sequence[int] = (),
    benchmark: "pd.Series[float] | None" = None,
) -> StudyReport:
    """Test the trials of a study.

    Parameters
    ----------
    facts : what was declared, in words
    trials : a row per trial: id, strategy, parameters, sharpe_ratio (annualised),
        annualized_return, daily_returns (an array of each session's)
    together : places of the rows that were run over the same sessions
    benchmark : its returns in these sessions; its name is the benchmark's

    Returns
    -------
    A report, also of a study without a trial, of one trial, and of trials of different length.
    """
    rows, notes = _with_p_values(trials), []
    try:
        rates = false_discovery_rates(rows["p_value"].to_numpy(float))
        for each in ("benjamini_hochberg", "benjamini_yekutieli"):
            rows[each] = rates[each].to_numpy()
    except SettingsError as error:
        notes.append(f"{error.message}. {error.hint}")
    tests, against = _nothing(len(together)), "" if benchmark is None else str(benchmark.name)
    matrix = np.empty((0, 0))
    if len(together) and benchmark is not None:
        matrix = np.stack([trials["daily_returns"].iloc[each] for each in together], axis=1)
        try:
            tests = superiority(matrix.astype(np.float64), np.array(benchmark, np.float64))
        except SettingsError as error:
            notes.append(f"{error.message}. {error.hint}")
        of_rows: list[bool | None] = [None] * len(rows)
        for place, row in enumerate(together):
            if tests.compared[place]:
                of_rows[row] = bool(tests.superior[place])
        rows["superior"] = pd.Series(of_rows, rows.index, dtype=object)
    left = len(rows) - len(together)
    if len(rows) and left:
        notes.append(
            f"{left} of {len(rows)} trials are not compared with the benchmark: they were run over"
            " other sessions, by other assumptions, or there is none"
        )
    ordered = rows.sort_values("sharpe_ratio", ascending=False, na_position="last", kind="stable")
    return StudyReport(
        name,
        facts,
        ordered[list(COLUMNS)].reset_index(drop=True),
        tests.consistent,
        tests.lower,
        tests.upper,
        int(tests.compared.sum()),
        against,
        int((rows["benjamini_hochberg"] <= LEVEL).sum()),
        _effective(matrix),
        tuple(notes),
    )


def _with_p_values(trials: pd.DataFrame) -> pd.DataFrame:
    """Add sessions, and the probability that a trial without skill would look as good."""
    rows = trials.drop(columns="daily_returns").reset_index(drop=True)
    series = [np.asarray(each, dtype=np.float64) for each in trials["daily_returns"]]
    rows["sessions"] = np.array([len(each) for each in series], dtype=np.int64)
    shapes = np.array([_shape(each) for each in series]).reshape(len(series), 2)
    ratio = rows["sharpe_ratio"].to_numpy(float) / np.sqrt(SESSIONS_PER_YEAR)
    count = np.where(rows["sessions"] >= FEWEST_SESSIONS, rows["sessions"], np.nan)
    probability = probabilistic_sharpe(ratio, count, shapes[:, 0], shapes[:, 1])
    rows["p_value"] = 1.0 - np.asarray(probability, dtype=np.float64)
    for name in ("benjamini_hochberg", "benjamini_yekutieli"):
        rows[name] = np.nan
    rows["superior"] = pd.Series([None] * len(rows), rows.index, dtype=object)
    return rows


def _shape(values: FloatArray) -> tuple[float, float]:
    """Skewness and kurtosis (3 of a normal distribution); NaN without deviation or with a gap."""
    if len(values) < 2:
        return np.nan, np.nan
    deviation = values - values.mean()
    variance = float((deviation**2).mean())
    if not variance > 0.0:
        return np.nan, np.nan
    return (
        float((deviation**3).mean() / variance**1.5),
        float((deviation**4).mean() / variance**2),
    )


def _effective(matrix: FloatArray) -> float:
    if not matrix.size:
        return np.nan
    counted = EffectiveTrials(len(matrix))
    counted.add(matrix.T)
    return counted.effective_rank


def _nothing(count: int) -> Superiority:
    none = np.zeros(count, dtype=bool)
    return Superiority(np.nan, np.nan, np.nan, none, none.copy())


def study_fragment(report: StudyReport) -> str:
    """Return what a notebook or a page shows of a study: HTML without a script."""
    from quant_platform.reports.backtest_page import STYLE  # brings the library of charts along

    facts = "".join(
        f"<div>{escape(key)}: {escape(text)}</div>" for key, text in report.facts.items()
    )
    said = "".join(f"<div>{escape(each)}.</div>" for each in (*report.findings, *report.notes))
    head = "".join(f"<th style='text-align:left;padding:1px 8px'>{each}</th>" for each in HEADERS)
    rows = "".join(
        "<tr>"
        + "".join(f"<td style='padding:1px 8px'>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in report.rows()
    )
    return (
        f'<div style="{STYLE}"><b>Study {escape(report.name)}</b>{facts}{said}'
        f"<table style='{STYLE}'><tr>{head}</tr>{rows}</table></div>"
    )


def _document(text: object) -> dict[str, object]:
    document = json.loads(str(text))
    return document if isinstance(document, dict) else {}


def _figure(value: object, decimals: int) -> str:
    known = isinstance(value, float) and value == value
    return f"{value:.{decimals}f}" if known else NONE
