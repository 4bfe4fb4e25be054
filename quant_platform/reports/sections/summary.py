"""Summary: what a manager reads in a minute, the alerts, and a card per model."""

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.comparison import BEST, ELIMINATED
from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import counted, day, known, number, percent
from quant_platform.reports.palette import model_colours
from quant_platform.reports.sections.section import EVERYBODY, Content, Section
from quant_platform.reports.sections.words import listed, tone_of

SPARK_SESSIONS = SESSIONS_PER_YEAR
"""Sessions in the small curve on a model's card."""

SPARK_POINTS = 90
"""Points of it at most."""

LIKELY = 0.95
"""Deflated probability from which on a Sharpe ratio is called beyond chance."""

YEAR = "252d"

Tile = dict[str, str]


def summary(data: ReportData) -> Content | None:
    """Tiles, alerts, and a card per model."""
    return Content(
        is_framed=False,
        template="summary",
        values={
            "tiles": _tiles(data),
            "alerts": records(data.alerts),
            "cards": _cards(data),
            "colours": model_colours(data.models),
        },
    )


def _tiles(data: ReportData) -> list[Tile]:
    """The few facts that a reader looks for first."""
    if not data.ordered:
        return []
    ranked = records(data.ranking)
    tiles = [*_best(ranked), *_returned(data), *_fallen(data), *_beyond_chance(ranked)]
    if data.kind == PERFORMANCE:
        critical = int((data.alerts["severity"] == "critical").sum()) if len(data.alerts) else 0
        about = counted(critical, "is critical", "are critical") if critical else "none is critical"
        tiles.append(_tile("Alerts", str(len(data.alerts)), about if len(data.alerts) else "quiet"))
    return tiles


def _tile(label: str, value: str, about: str, tone: str = "") -> Tile:
    return {"label": label, "value": value, "about": about, "tone": tone}


def _best(ranked: list[Record]) -> list[Tile]:
    best = [str(row["model_name"]) for row in ranked if row["standing"] == BEST]
    compared = len(best) + sum(row["standing"] == ELIMINATED for row in ranked)
    if not best:
        return []
    names = listed(best) if len(best) <= 3 else f"{', '.join(best[:2])} and {len(best) - 2} more"
    return [_tile("Cannot be told from the best", f"{len(best)} of {compared}", names)]


def _leader(data: ReportData) -> int:
    """The first model that is no benchmark; else the first."""
    marked = dict(zip(data.models["id"], data.models["is_benchmark"], strict=True))
    return next((model for model in data.ordered if not marked[model]), data.ordered[0])


def _returned(data: ReportData) -> list[Tile]:
    leader = _leader(data)
    row = data.figures.get((leader, YEAR)) or data.figures.get((leader, "inception"))
    if row is None:
        return []
    label = f"{data.names[leader]}, {row['window_sessions']} sessions"
    value = row["total_return"]
    against = (
        f"{percent(row['excess_return'], sign=True)} a year against {row['benchmark']}"
        if known(row["excess_return"]) and row.get("benchmark") != data.names[leader]
        else "no benchmark to compare with"
    )
    return [_tile(label, percent(value, sign=True), against, tone_of(value))]


def _fallen(data: ReportData) -> list[Tile]:
    falls = {
        model: float(data.histories.drawdown[data.histories.last[column], column])
        for column, model in enumerate(data.histories.models)
    }
    fallen = {model: fall for model, fall in falls.items() if np.isfinite(fall)}
    if not fallen:
        return []
    deepest = min(fallen, key=lambda model: (fallen[model], model))
    if fallen[deepest] == 0.0:
        return [_tile("Below its highest close", percent(0.0), "no model is")]
    label = "Furthest below its highest close"
    return [_tile(label, percent(fallen[deepest]), str(data.names[deepest]), "loss")]


def _beyond_chance(ranked: list[Record]) -> list[Tile]:
    judged = [row for row in ranked if known(row["deflated_sharpe"])]
    if not judged:
        return []
    beyond = [str(row["model_name"]) for row in judged if row["deflated_sharpe"] >= LIKELY]
    tried = max(int(row["trials"]) for row in judged)
    about = (
        f"{listed(beyond[:3])}: not explained by choosing among {tried}"
        if beyond
        else f"none has more than choosing among {counted(tried, 'trial')} gives by luck"
    )
    return [_tile("Skill beyond chance", f"{len(beyond)} of {len(judged)}", about)]


def _cards(data: ReportData) -> list[Record]:
    """One card per model, best first: trend, figures, Sharpe's interval, the last year."""
    trends = {row["model_id"]: row for row in records(data.trends)}
    models = {row["id"]: row for row in records(data.models)}
    ranking = {row["model_id"]: row for row in records(data.ranking)}
    shown = {model: _shown(data, ranking, model) for model in data.ordered}
    scale = _interval_scale([row for row in shown.values() if row])
    cards: list[Record] = []
    for model in data.ordered:
        row = shown[model]
        cards.append(
            {
                "model_id": model,
                "model_name": data.names[model],
                "is_benchmark": bool(models[model]["is_benchmark"]),
                "model": models[model],
                "place": ranking.get(model),
                "trend": trends.get(model),
                "figures": row,
                "inception": data.figures.get((model, "inception")),
                "interval": _interval(row, scale) if row else None,
                "fall": _last_fall(data, model),
                "spark": _spark(data, model),
            }
        )
    return cards


def _shown(data: ReportData, ranking: dict[int, Record], model: int) -> Record | None:
    """Figures of the window the model is ranked by; else of the longest full one."""
    if model in ranking:
        return data.figures.get((model, ranking[model]["window_name"]))
    return data.figures.get((model, YEAR)) or data.figures.get((model, "inception"))


def _last_fall(data: ReportData, model: int) -> float:
    place = data.histories.models.index(model)
    return float(data.histories.drawdown[data.histories.last[place], place])


def _interval_scale(rows: list[Record]) -> tuple[float, float]:
    """Common scale of the Sharpe intervals; zero is always on it."""
    ends = [row[name] for row in rows for name in ("sharpe_lower_95", "sharpe_upper_95")]
    ends = [value for value in ends if known(value)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    pad = 0.06 * (high - low or 1.0)
    return low - pad, high + pad


def _interval(row: Record, scale: tuple[float, float]) -> Record | None:
    """Positions, in per cent of the bar, of the interval's ends, its middle and zero."""
    low, middle, high = (row[f"sharpe_{name}"] for name in ("lower_95", "ratio", "upper_95"))
    if not all(known(value) for value in (low, middle, high)):
        return None

    def place(value: float) -> float:
        return round(100.0 * (value - scale[0]) / (scale[1] - scale[0]), 2)

    return {
        "low": place(low),
        "width": round(place(high) - place(low), 2),
        "middle": place(middle),
        "zero": place(0.0),
        "words": f"95 % interval {number(low)} to {number(high)}",
    }


def _spark(data: ReportData, model: int) -> str:
    """Points of an SVG polyline in a box of 100 × 30: the equity of the last sessions."""
    equity = data.histories.of_model(model, "equity")[-SPARK_SESSIONS:]
    equity = equity[np.isfinite(equity)]
    if len(equity) < 2:
        return ""
    at = np.unique(np.linspace(0, len(equity) - 1, min(len(equity), SPARK_POINTS)).round())
    drawn = equity[at.astype(np.intp)]
    spread = np.ptp(drawn)
    height = (drawn - drawn.min()) / spread if spread else np.full(len(drawn), 0.5)
    across = 100.0 * at / (len(equity) - 1)
    return " ".join(f"{x:.1f},{28.0 - 26.0 * y:.1f}" for x, y in zip(across, height, strict=True))


def span(data: ReportData) -> str:
    """The sessions a page covers, in words."""
    dates = data.histories.dates
    if not len(dates):
        return ""
    first, last = (pd.Timestamp(each) for each in (dates[0], dates[-1]))
    return f"{counted(len(dates), 'session')}, {day(first)} to {day(last)}"


SECTION = Section("summary", "Summary", EVERYBODY, summary)
