"""Data quality: verdicts of the checks, rows set aside, and sessions that are not complete."""

from quant_platform.reports.data import PERFORMANCE, ReportData
from quant_platform.reports.quality import quality
from quant_platform.reports.sections.section import RESEARCHER, RISK, Content, Section, absent


def data_quality(data: ReportData) -> Content | None:
    """The verdicts, folded where nothing failed."""
    judged = quality(data.date, data.data_quality, data.refused, data.outstanding)
    if judged.is_empty:
        return absent("No checks recorded for this session.")
    return Content(template="quality", values={"quality": judged})


SECTION = Section(
    "quality",
    "Data quality",
    frozenset({RESEARCHER, RISK}),
    data_quality,
    pages=frozenset({PERFORMANCE}),
)
