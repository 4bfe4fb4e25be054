"""Small pieces that sections share: cells of figures, and counts in words."""

from collections.abc import Callable

from quant_platform.evaluation.metric_registry import Metric
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import MINUS, NONE, known, number, percent, whole
from quant_platform.reports.sections.section import Cell


def tone_of(value: object) -> str:
    """Class of a gain or a loss; none for zero and for what is undefined."""
    if not known(value):
        return ""
    figure = float(str(value))
    return "gain" if figure > 0.0 else "loss" if figure < 0.0 else ""


def gain(value: object, digits: int = 1, below: str = "") -> Cell:
    """A share that is a gain or a loss, with its sign; one that is shown as 0 is neither."""
    text = percent(value, digits, sign=True)
    return Cell(text, tone_of(value) if text.startswith(("+", MINUS)) else "", below=below)


def model_cell(data: ReportData, model: int) -> Cell:
    """A model's name with its colour."""
    return Cell(str(data.names[model]), model=model)


def figure(metric: Metric, value: object) -> str:
    """A figure in the unit of its metric."""
    if metric.unit == "fraction":
        return percent(value, 2)
    return number(value) if metric.unit == "ratio" else whole(value)


def between(low: object, high: object, style: Callable[[object], str] = number) -> str:
    """An interval in words; nothing where an end is undefined."""
    if not (known(low) and known(high)):
        return ""
    texts = style(low), style(high)
    return "" if NONE in texts else f"{texts[0]} to {texts[1]}"


def listed(names: list[str]) -> str:
    """Names as a sentence has them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
