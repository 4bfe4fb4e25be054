"""What the Dagster UI shows of a materialisation: counts, columns, a preview and a small plot."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from quant_platform.storage.replace import Replaced
from quant_platform.storage.schema import Table

PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 12
PLOT_SESSIONS = 60
BARS = "▁▂▃▄▅▆▇█"


def light_metadata(
    table: Table, replaced: Replaced, sessions: int, seconds: float
) -> Mapping[str, Any]:
    """Totals of one run; repeated on each of its partitions, so it stays small."""
    return {
        "dagster/table_name": table.name,
        "rows in run": replaced.stored,
        "sessions in run": sessions,
        "rows new": replaced.inserted,
        "rows superseded": replaced.superseded,
        "rows unchanged": replaced.unchanged,
        "rows quarantined": replaced.quarantined,
        "seconds to store": round(seconds, 3),
    }


def heavy_metadata(
    table: Table, rows: Mapping[str, int], newest: pd.DataFrame
) -> Mapping[str, Any]:
    """Column schema, preview of the newest session, sparkline of the run's rows per session."""
    return {
        "dagster/column_schema": column_schema(table),
        "preview": dg.MetadataValue.md(preview(newest)),
        "rows per session": dg.MetadataValue.md(sparkline(rows)),
    }


def column_schema(table: Table) -> dg.TableSchema:
    """Columns with types and descriptions, as the database's catalogue has them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.sql_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def preview(frame: pd.DataFrame) -> str:
    """Markdown table of the first rows; wide frames are cut, long cells shortened."""
    if frame.empty:
        return "*no rows*"
    shown = frame.head(PREVIEW_ROWS).iloc[:, :PREVIEW_COLUMNS]
    lines = [
        "| " + " | ".join(str(name) for name in shown.columns) + " |",
        "|" + "---|" * len(shown.columns),
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.to_numpy()]
    hidden = len(frame.columns) - len(shown.columns)
    if hidden:
        lines.append(f"\n*and {hidden} more columns*")
    return "\n".join(lines)


def sparkline(rows: Mapping[str, int]) -> str:
    """Rows per session over the newest sessions that have any, as a line of bars."""
    days = sorted(day for day, count in rows.items() if count)[-PLOT_SESSIONS:]
    if not days:
        return "*no rows*"
    counts = [rows[day] for day in days]
    levels = [(count - 1) * (len(BARS) - 1) // max(max(counts) - 1, 1) for count in counts]
    bars = "".join(BARS[level] for level in levels)
    return f"`{bars}` {min(counts)}–{max(counts)} rows, {days[0]} to {days[-1]}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, pd.Timestamp | np.datetime64):
        moment = value.to_datetime64() if isinstance(value, pd.Timestamp) else value
        return str(moment.astype("datetime64[D]"))
    text = str(value).replace("|", "\\|")
    return text if len(text) <= 40 else text[:39] + "…"
