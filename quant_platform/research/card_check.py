"""`check_card`: whether what a run card says follows from what it holds; without any database.

1. The digests of its entries, of the configuration, the run, and the returns and figures hold.
2. Accounts close in every session: equity is cash, what is owed, and positions; the return is the
   change of equity.
3. The figures follow from the accounts, the benchmark's returns and the risk-free rate.

A card that holds proves that it is whole and consistent. It does not prove that the market was so:
`reproduce` does, where the data are. What does not belong here: the file's form (`card_file.py`).
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError, QuantPlatformError
from quant_platform.evaluation.performance import last_figures
from quant_platform.research.run_card import RunCard, read_card
from quant_platform.storage.ledger import outcome_digest
from quant_platform.storage.trials import METRIC_COLUMNS

TOLERANCE = 1e-9
"""Relative difference that a figure may have on a machine that adds in another order."""

CLOSES = 1e-10
"""Share of the equity by which its parts may miss it."""


@dataclass(frozen=True)
class CardCheck:
    """A card that holds.

    Attributes
    ----------
    card : what it says
    exact : whether every figure is the same to the last bit here
    sessions : number of them
    """

    card: RunCard
    exact: bool
    sessions: int

    def __str__(self) -> str:
        run = self.card.run
        figures = "to the last bit" if self.exact else f"within {TOLERANCE:g}"
        return "\n".join(
            [
                f"{run.trial.strategy}, {run.first_session} to {run.last_session}:"
                f" trial {run.trial.id[:12]}, run {run.digest[:12]}",
                f"Digests hold; the accounts close in all {self.sessions:,} sessions; the figures"
                f" follow from them {figures}",
                f"Code {run.code_version}; data {run.data_version}",
                f"Returns and figures {outcome_digest(self.card.outcome)[:16]}",
            ]
        )


def check_card(path: Path) -> CardCheck:
    """Verify a run card.

    Raises
    ------
    ContractError
        Something of it does not hold; the message says what, and in which session.
    """
    card = read_card(path)
    _check_stated(path, card)
    portfolios = card.tables["portfolios"]
    try:
        _check_accounts(path, card)
        exact = _check_figures(path, card)
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(path, f"a table of it lacks what it should have: {error}") from None
    return CardCheck(card, exact, len(portfolios))


def _check_stated(path: Path, card: RunCard) -> None:
    run = card.run
    now = {"trial": run.trial.id, "run": run.digest, "outcome": outcome_digest(card.outcome)}
    for name, digest in now.items():
        if card.stated.get(name) != digest:
            raise _wrong(path, f"the digest of its {name} is {digest[:12]}, and it states another")


def _check_accounts(path: Path, card: RunCard) -> None:
    rows = card.tables["portfolios"].sort_values("date", ignore_index=True)
    days = rows["date"]
    run = card.run
    ends = tuple(f"{day:%Y-%m-%d}" for day in (days.min(), days.max()))
    if days.duplicated().any() or ends != (run.first_session, run.last_session):
        raise _wrong(
            path, f"its sessions are not those of {run.first_session} to {run.last_session}"
        )
    held = card.tables["positions"].groupby("date")["value"].sum()
    value = days.map(held).fillna(0.0).to_numpy(float)
    equity = rows["equity"].to_numpy(float)
    total = rows["cash"].to_numpy(float) + rows["receivables"].to_numpy(float) + value
    size = np.maximum(np.abs(equity), np.abs(rows["cash"].to_numpy(float)) + np.abs(value))
    _refuse_any(path, days, np.abs(total - equity) > CLOSES * size, "equity is not its parts")
    before = equity[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.concatenate([[0.0], equity[1:] / before - 1.0])
    stated = rows["daily_return"].to_numpy(float)
    known = np.concatenate([[True], before > 0.0])
    wrong = (np.abs(change - stated) > TOLERANCE) & known
    wrong |= known == np.isnan(stated)
    _refuse_any(path, days, wrong, "the return is not the change of equity")


def _refuse_any(path: Path, days: "pd.Series[pd.Timestamp]", wrong: np.ndarray, what: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _wrong(path, f"in {days.iloc[at]:%Y-%m-%d} {what} ({int(wrong.sum()):,} sessions)")


def _check_figures(path: Path, card: RunCard) -> bool:
    """Whether the figures are the same to the last bit; they must be within the tolerance."""
    portfolios, beside = card.tables["portfolios"], card.tables["returns"]
    days = pd.DatetimeIndex(beside["date"])
    try:
        figures = last_figures(
            portfolios,
            pd.Series(beside["benchmark_return"].to_numpy(float), days, name=card.benchmark),
            risk_free=pd.Series(beside["risk_free_rate"].to_numpy(float), days),
        )
    except QuantPlatformError as error:
        raise _wrong(path, f"its figures cannot be computed: {error.message}") from None
    exact = True
    for name in METRIC_COLUMNS:
        stated, now = card.outcome.metrics[name], figures[name]
        now = now if math.isfinite(now) else math.nan
        if stated == now or (math.isnan(stated) and math.isnan(now)):
            continue
        exact = False
        if not math.isclose(stated, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            raise _wrong(path, f"{name} is {now!r} by its returns, and it states {stated!r}")
    return exact


def _wrong(path: Path, why: str) -> ContractError:
    return ContractError(f"{path} does not hold: {why}", "Ask who wrote it; do not rely on it")
