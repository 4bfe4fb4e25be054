"""The sections of a page, in their order. A new one is a file beside this one and a line here."""

from quant_platform.reports.sections import (
    active,
    all_figures,
    assumptions,
    attribution,
    calibration,
    costs,
    data_quality,
    drawdowns,
    exposures,
    factors,
    hits,
    learned,
    monitor,
    returns,
    risk,
    rolling,
    scores,
    signals,
    standings,
    studies,
    summary,
    survivorship,
    trades,
    trials,
)
from quant_platform.reports.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    summary.SECTION,
    returns.SECTION,
    standings.SECTION,
    scores.SECTION,
    drawdowns.SECTION,
    rolling.SECTION,
    exposures.SECTION,
    risk.SECTION,
    attribution.SECTION,
    active.SECTION,
    costs.SECTION,
    trades.SECTION,
    hits.SECTION,
    factors.SECTION,
    calibration.SECTION,
    trials.SECTION,
    studies.SECTION,
    learned.SECTION,
    monitor.SECTION,
    survivorship.SECTION,
    all_figures.SECTION,
    signals.SECTION,
    data_quality.SECTION,
    assumptions.SECTION,
)


def queries() -> dict[str, str]:
    """What all sections ask the database for: name → SQL; two sections may share a name."""
    return {name: sql for section in SECTIONS for name, sql in section.queries.items()}
