"""`RunCard`: a run with all that it is made of, in one file: `write_card` writes it.

It holds the configuration, the source as far as it is no file of the package, versions of code,
data and packages, the returns with the benchmark's and the risk-free rate, the orders (`signals`),
fills, positions and accounts, and the figures. What does not belong here: the file's form
(`card_file.py`), and whether what it says is true (`card_check.py`).
"""

import json
import math
import platform as machine
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from quant_platform.errors import ContractError, SettingsError
from quant_platform.provenance import code_version
from quant_platform.research.card_file import pack, unpack
from quant_platform.storage.files import replace_file
from quant_platform.storage.ledger import outcome_digest
from quant_platform.storage.trials import DOCUMENTS, METRIC_COLUMNS, Outcome, Trial, TrialRun

PACKAGES = ("numpy", "pandas", "pyarrow", "pydantic", "numba", "scipy", "scikit-learn", "lightgbm")
"""Packages on which numbers depend; those that are not installed are left out."""


CARD_TABLES = ("closed_positions", "fills", "portfolios", "positions", "signals")
"""Tables of a result that a card holds."""


@dataclass(frozen=True, eq=False)
class RunCard:
    """What a card says.

    Attributes
    ----------
    run : the configuration, and versions of code and data
    outcome : returns in single precision, and figures
    study : for which it was run
    environment : Python, machine, and versions of packages
    benchmark : name of what it is judged against
    tickers : security → its last ticker
    source : text of the strategy, as far as it is no file of the package
    tables : signals, fills, positions, portfolios, closed_positions, and `returns` (date, benchmark
        return, annual risk-free rate)
    stated : the run's digest, the trial's id, and the digest of returns and figures, as written
    """

    run: TrialRun
    outcome: Outcome
    study: str
    environment: Mapping[str, Any]
    benchmark: str
    tickers: Mapping[str, str]
    source: str
    tables: Mapping[str, pd.DataFrame]
    stated: Mapping[str, str]


def write_card(
    target: Path,
    run: TrialRun | None,
    outcome: Outcome,
    tables: Mapping[str, pd.DataFrame],
    benchmark: "pd.Series[float]",
    rates: "pd.Series[float]",
    tickers: Mapping[str, str],
    *,
    source: str = "",
    study: str = "",
) -> Path:
    """Write a card; the same run by the same packages gives the same bytes.

    Parameters
    ----------
    tables : those of `CARD_TABLES`
    benchmark, rates : session returns of the benchmark, named after it, and the annual risk-free
        rate in each session, as fractions
    others : as of `RunCard`

    Raises
    ------
    SettingsError
        Nobody knows what was run, or there is no such folder.
    """
    if run is None:
        raise SettingsError(
            "The result has no configuration: it was made without a store",
            "Make it by qp.open().backtest(…)",
        )
    card = {
        "trial": {**asdict(run.trial), **_documents(run.trial)},
        "run": json.loads(run.ran_on),
        "study": study,
        "environment": environment(),
        "benchmark": str(benchmark.name),
        "tickers": dict(sorted(tickers.items())),
        "metrics": {name: _finite(outcome.metrics[name]) for name in METRIC_COLUMNS},
        "stated": {
            "trial": run.trial.id,
            "run": run.digest,
            "outcome": outcome_digest(outcome),
        },
    }
    beside = pd.DataFrame(
        {
            "date": tables["portfolios"]["date"],
            "benchmark_return": benchmark.to_numpy(float),
            "risk_free_rate": rates.to_numpy(float),
        }
    )
    replace_file(target, pack(card, source, {**tables, "returns": beside}))
    return target


def read_card(path: Path) -> RunCard:
    """Read a card whose digests hold.

    Raises
    ------
    ContractError
        It is no card, is cut off, was changed, or is of a later format.
    """
    card, source, tables = unpack(path)
    try:
        given = {each.name: card["trial"][each.name] for each in fields(Trial)}
        given |= {name: json.dumps(given[name], sort_keys=True) for name in DOCUMENTS}
        ran = {
            each.name: card["run"][each.name] for each in fields(TrialRun) if each.name != "trial"
        }
        metrics = {
            name: math.nan if card["metrics"][name] is None else float(card["metrics"][name])
            for name in METRIC_COLUMNS
        }
        returns = tables["portfolios"]["daily_return"].to_numpy("float32")
        return RunCard(
            TrialRun(Trial(**given), **ran),
            Outcome(metrics, returns),
            card["study"],
            card["environment"],
            card["benchmark"],
            card["tickers"],
            source,
            tables,
            card["stated"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(
            f"{path} is no whole run card: it lacks {error}",
            "Have it written or sent again; nothing of it holds",
        ) from None


@cache
def environment() -> dict[str, Any]:
    """Versions of what numbers depend on, and the kind of machine."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "quant_platform": code_version(),
        "python": machine.python_version(),
        "machine": machine.machine(),
        "system": machine.system(),
        "packages": versions,
    }


def _documents(trial: Trial) -> dict[str, Any]:
    return {name: json.loads(getattr(trial, name)) for name in DOCUMENTS}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
