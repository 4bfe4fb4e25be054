"""What the Dagster UI shows of a materialisation: counts, columns, a preview and a small plot."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from quant_platform.pipeline.pages import Page
from quant_platform.pipeline.staleness import Stale
from quant_platform.reports.previews import preview, sparkline
from quant_platform.reports.standings import standing_table
from quant_platform.storage.replace import Replaced
from quant_platform.storage.schema import Table


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


def stale_metadata(stale: Sequence[Stale]) -> Mapping[str, Any]:
    """Stale sessions that a run was computed from, by asset."""
    return {"computed from stale": dg.MetadataValue.md("\n".join(f"- {each}" for each in stale))}


def heavy_metadata(
    table: Table, rows: Mapping[str, int], newest: pd.DataFrame
) -> Mapping[str, Any]:
    """Column schema, preview of the newest session, rows per session, and a report's ranking."""
    reports = [str(text) for text in newest.get("ranking", default=[])]
    return {
        **({"ranking": dg.MetadataValue.md(standing_table(reports[-1]))} if reports else {}),
        "dagster/column_schema": column_schema(table),
        "preview": dg.MetadataValue.md(preview(newest)),
        "rows per session": dg.MetadataValue.md(sparkline(rows)),
    }


def page_metadata(page: Page) -> Mapping[str, Any]:
    """Where a report's page lies, and its key plots."""
    pictures = {name: dg.MetadataValue.md(text) for name, text in page.pictures.items()}
    return {"page": dg.MetadataValue.path(page.path), **pictures}


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
