"""Assumptions: what the figures rest on, and the parameters of each model."""

import json

from quant_platform.reports.data import Record, ReportData, records
from quant_platform.reports.formats import known, number
from quant_platform.reports.palette import model_colours
from quant_platform.reports.sections.section import EVERYBODY, Content, Section


def assumptions(data: ReportData) -> Content | None:
    """The assumptions, then the parameters and rules of each model."""
    return Content(
        template="assumptions",
        values={
            "assumptions": data.assumptions,
            "parameters": _parameters(data),
            "colours": model_colours(data.models),
            "row_counts": data.row_counts,
        },
    )


def _parameters(data: ReportData) -> list[Record]:
    """Parameters of each model, as names and values, and how it is traded."""
    return [
        {
            "model_id": row["id"],
            "name": row["model_name"],
            "values": dict(sorted(_json(row["parameters"]).items())),
            "rules": _trading_rules(row),
        }
        for row in records(data.models)
    ]


def _trading_rules(model: Record) -> str:
    """When a model is rebalanced, how much it may hold, and what it is judged against."""
    if "rebalance" not in model:
        return ""
    gross, net = number(model["max_gross"]), number(model["max_net"])
    text = f"rebalanced {model['rebalance'].replace('_', ' ')}, gross at most {gross}, net {net}"
    against = model["benchmark"]
    return f"{text}, judged against {against}" if known(against) else text


def _json(value: object) -> Record:
    parsed = json.loads(value) if isinstance(value, str) else value
    return dict(parsed) if isinstance(parsed, dict) else {}


SECTION = Section("assumptions", "What the figures rest on", EVERYBODY, assumptions)
