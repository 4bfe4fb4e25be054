"""The check `factor_evaluation_recomputed`: what a feature foretold, computed again.

In a sampled session one of the features, which its date names, is evaluated on rows cut there.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from quant_platform.evaluation.factor_rows import LOOKBACK, factor_rows
from quant_platform.features.feature_registry import features_of
from quant_platform.market.panel import Panel
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.quality.check import ERROR, CheckContext, QualityCheck
from quant_platform.quality.comparison import Comparison, findings_of, rows_of
from quant_platform.quality.sampling import batches, cut
from quant_platform.quality.verdict import Findings
from quant_platform.storage.bulk import BEGINNING, Listed, Members
from quant_platform.storage.members import securities_of

FIGURES = (
    *("coverage", "pairs", "ic", "rank_ic", "slope", "quantiles", "spread", "turnover"),
    "autocorrelation",
)

KEY = ("date", "security_id")


def factor_evaluation_recomputed(context: CheckContext, threshold: float) -> Findings:
    """Compare the stored rows of one feature a sampled session with those computed again."""
    table_of = {
        each.name: chosen.table
        for chosen in stored_sets(context.platform.settings)
        for each in features_of(chosen)
    }
    compared = []
    for batch in batches(context, LOOKBACK):
        chosen = {session: _feature_of(session, [*table_of]) for session in batch.sessions}
        rows = _rows_read(batch, chosen.values(), table_of)
        again = []
        for session, name in chosen.items():
            window = context.platform.window([session], LOOKBACK)
            history = {table: cut(frame, window) for table, frame in rows.items()}
            panel = Panel.from_frames(
                history["market_data"],
                history["corporate_actions"],
                window,
                universe=history["trading_universe"],
                features=history[table_of[name]][[*KEY, name]],
                calendar=context.platform.calendar,
            )
            again.append(factor_rows(panel, panel.features, 1))
        stored = rows_of(batch, "factor_evaluation", ["date", "feature", "horizon", *FIGURES])
        wanted = {(pd.Timestamp(session), name) for session, name in chosen.items()}
        kept = [key in wanted for key in zip(stored["date"], stored["feature"], strict=True)]
        computed = pd.concat(again, ignore_index=True)
        compared.append(Comparison(_named(stored[kept]), _named(computed), FIGURES))
    return findings_of(context, compared)


def _feature_of(session: str, names: Sequence[str]) -> str:
    """Feature that is looked at in a session, by its date alone."""
    return names[zlib.crc32(session.encode()) % len(names)]


def _rows_read(
    batch: CheckContext, names: Collection[str], table_of: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    """Rows by table of what the features of a batch are evaluated on."""
    ever = Members(BEGINNING, batch.sessions[-1])
    members = Listed(securities_of(batch.platform.database, ever))
    prices = [*KEY, "open_price", "close_price"]
    rows = {
        "market_data": batch.read("market_data", columns=prices, members=members),
        "corporate_actions": batch.read("corporate_actions", members=members),
        "trading_universe": batch.read("trading_universe", columns=[*KEY]),
    }
    for table in dict.fromkeys(table_of[name] for name in names):
        of = [name for name in dict.fromkeys(names) if table_of[name] == table]
        rows[table] = batch.read(table, columns=[*KEY, *of])
    return rows


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with feature and horizon as the name that a comparison goes by."""
    named = zip(rows["feature"], rows["horizon"], strict=True)
    # Not a sum of columns: pandas cannot merge on one that was summed up from no rows.
    symbols = [f"{feature} over {horizon}" for feature, horizon in named]
    return rows.assign(symbol=pd.Series(symbols, rows.index, dtype=object))


RECOMPUTED = QualityCheck(
    name="factor_evaluation_recomputed",
    asset="factor_evaluation",
    table="factor_evaluation",
    severity=ERROR,
    description="In a sampled session, one feature's figures, computed again on history that ends"
    " there, equal the stored ones.",
    judge=factor_evaluation_recomputed,
)
