"""Corporate actions as a vendor lists them, resolved to the rows of `corporate_actions`.

What belongs here: which of several claims about one ex-date holds. What does not: what a vendor's
answer looks like, where refused rows are stored, and which splits the prices contradict
(`quality/splits.py`).

The table holds one row per ex-date, symbol and type. Vendors list the same action twice, in two
versions, in two currencies or on a day without trading, and they list several actions of one day.
`resolve` keeps or refuses each row, by these rules, in this order:

1. An unusable row is refused: no ex-date or ticker, an unknown type, a ratio or amount that is not
   a positive number, a ratio of 1 (Massive lists them for stock dividends that changed no price), a
   dividend that is not in US dollars (mostly Canadian; often the dollar amount stands in a row
   beside it). A row without a currency is in dollars. Conversion of currencies is done before.
2. An ex-date without a session moves to the next session.
3. Of several sources of one symbol's splits (or dividends) of a day, only the preferred one counts:
   an older endpoint fills gaps and is never added to.
4. The same row, another version of the same record, or the same figure again (ratios within 0.1 %,
   dividends of one type within 1 %) is the same action, and counts once: a split by 10 that comes
   twice is one by 10, not by 100.
5. Splits of one day with different ratios. The price decides where it can: the ratio, or the
   product of all, nearest to the night's move is kept, if it is within a fifth of the move and
   clearly nearer than the others. Otherwise a reverse and a forward split are two steps of one
   reorganisation, as Steel Connect's 1-for-3,500 and 375-for-1 of 2023-06-21, and their product is
   kept (none, if they undo each other); of ratios that go the same way one is taken for a mistake,
   and the preferred one is kept.
6. Dividends of one type and day with different amounts. Those with one day of payment that were
   declared on different days are one dividend declared anew, and the last declaration holds. What
   remains are several payments, as a fund's income and capital gains, and is added up.

Preferred is: the source that comes first in `prefer` (then alphabetically), what was declared last,
the lowest record, the lowest figure. Nothing depends on the order of the rows, or on how often one
comes. Every row is either kept or refused with a reason. The `source` of a kept row tells when
other rows decided about it. Ratios above 1,000 or below 1/1,000 are kept; a check names them
(`quality.splits.extreme_splits`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray

SPLIT = "split"
KINDS = (SPLIT, "cash_dividend", "special_dividend")
"""Values of `corporate_actions.action_type`."""

CURRENCY = "USD"
"""Currency of prices, and so of dividends."""

SAME_RATIO = 0.001
"""Relative difference up to which two ratios are one: 0.0667 is 1/15."""

SAME_AMOUNT = 0.01
"""Relative difference up to which two dividends of one type are one: 0.27 is 0.2725."""

SPLIT_TOLERANCE = 0.2
"""Part by which a night's move may differ from a split that explains it."""

CLEARLY_NEARER = 0.05
"""Difference of two distances from the night's move (logarithms) that is more than noise."""

_DAY = "datetime64[D]"
_UNKNOWN = -math.inf


def resolve(
    raw: pd.DataFrame,
    *,
    sessions: Sequence[date] | SessionArray | None = None,
    moves: pd.DataFrame | None = None,
    prefer: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Resolve a vendor's list of actions by the rules of this module.

    Parameters
    ----------
    raw : date (the ex-date), symbol, action_type, split_ratio, cash_amount, source; optional are
        currency, vendor_id (the vendor's name of the record), declared_on and paid_on. Other
        columns are carried along.
    sessions : consecutive sessions, ascending; None: every day is taken for one. A day before the
        first or after the last stays.
    moves : date, symbol, move: close before the session over its open, as
        `quality.splits.opening_moves` has it; None: no price decides
    prefer : sources, the preferred first

    Returns
    -------
    kept : one row per date, symbol and action_type, in that order, in the columns of `raw`
    losers : all other rows as they came, in their order, with a column `reason`

    Examples
    --------
    >>> raw = pd.DataFrame({"date": pd.to_datetime(["2022-06-29"] * 2), "symbol": "SHOP",
    ...     "action_type": "split", "split_ratio": 10.0, "cash_amount": np.nan, "source": "vendor",
    ...     "vendor_id": ["E1", "E2"]})
    >>> kept, losers = resolve(raw)
    >>> kept["split_ratio"].tolist(), losers["reason"].tolist()
    ([10.0], ['the same split came twice'])
    """
    rows = raw.reset_index(drop=True)
    came = _dates(rows["date"])
    days = _in_sessions(came, sessions)
    reasons = _refusals(rows, came)
    verdicts = _Verdicts()
    contests = _contests(rows, days, reasons == "", prefer)
    nights = _moves_of(moves, contests)
    for claims in contests:
        left = _distinct(_one_source(claims, verdicts), verdicts)
        if left[0].kind == SPLIT:
            _settle_splits(left, nights.get((left[0].day, left[0].symbol), math.nan), verdicts)
        else:
            _settle_dividends(left, verdicts)
    for row, reason in verdicts.reasons.items():
        reasons[row] = reason
    for row in np.flatnonzero(~np.isnat(came) & (days != came)).tolist():
        verdicts.note(row, f"ex-date {came[row]} is no session")
    valid = _corrected(rows, days, verdicts)[reasons == ""]
    valid = valid.sort_values(["date", "symbol", "action_type"], ignore_index=True)
    lost = np.flatnonzero(reasons != "")
    losers = raw.iloc[lost].assign(reason=pd.array(reasons[lost], dtype="str"))
    return valid, losers.reset_index(drop=True)


@dataclass(frozen=True)
class _Claim:
    """A row of a contested ex-date. Days are numbers, -inf where unknown."""

    row: int
    day: int
    symbol: str
    kind: str
    figure: float
    source: str
    record: str
    declared: float
    paid: float
    text: str

    @property
    def contest(self) -> tuple[int, str, bool]:
        """What it is about: the splits, or the dividends, of a symbol's ex-date."""
        return self.day, self.symbol, self.kind == SPLIT

    def repeats(self, other: "_Claim") -> bool:
        """Whether both are claims of the same action."""
        tolerance = SAME_RATIO if self.kind == SPLIT else SAME_AMOUNT
        same = math.isclose(self.figure, other.figure, rel_tol=tolerance)
        return (self.kind == other.kind and same) or (self.record == other.record != "")


@dataclass
class _Verdicts:
    """The reasons of refused rows, and the changed values of kept rows."""

    reasons: dict[int, str] = field(default_factory=dict)
    figures: dict[int, float] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)

    def note(self, row: int, text: str) -> None:
        """Add to the source of a row how it was obtained."""
        self.notes.setdefault(row, []).append(text)

    def lose(self, claims: Sequence[_Claim], reason: str) -> None:
        """Refuse claims for one reason."""
        self.reasons.update({claim.row: reason for claim in claims})

    def join(self, claims: Sequence[_Claim], figure: float, word: str) -> None:
        """Keep the first claim, with the combined figure of all of them."""
        parts = _listed(claims)
        self.figures[claims[0].row] = figure
        self.note(claims[0].row, f"{word} of {parts}")
        self.lose(claims[1:], f"part of the {word} of {parts}, {figure:.9g}, which is kept")


def _settle_splits(claims: Sequence[_Claim], move: float, verdicts: _Verdicts) -> None:
    """Rule 5; `move` is NaN where unknown."""
    if len(claims) == 1:
        return
    ratios = [claim.figure for claim in claims]
    product = math.prod(ratios)
    chosen = _nearest([*ratios, product], move)
    why = f"the price moved by {move:.4g}"
    if chosen is None:
        two_steps = min(ratios) < 1.0 < max(ratios)
        chosen = len(ratios) if two_steps else 0
        why = "no price decides between them"
    if chosen < len(ratios):
        winner, others = claims[chosen], [*claims[:chosen], *claims[chosen + 1 :]]
        verdicts.note(winner.row, f"one of the ratios {_listed(claims)}: {why}")
        verdicts.lose(others, f"conflicts with the ratio {winner.figure:.9g}, which is kept: {why}")
    elif math.isclose(product, 1.0, rel_tol=SAME_RATIO):
        verdicts.lose(claims, "splits of the same day that undo each other")
    else:
        verdicts.join(claims, product, "product")


def _settle_dividends(claims: Sequence[_Claim], verdicts: _Verdicts) -> None:
    """Rule 6, for each type."""
    for kind in KINDS[1:]:
        payments = _last_declared([claim for claim in claims if claim.kind == kind], verdicts)
        if len(payments) > 1:
            total = math.fsum(claim.figure for claim in payments)
            verdicts.join(payments, round(total, 9), "sum")


def _listed(claims: Sequence[_Claim]) -> str:
    return " and ".join(f"{claim.figure:.9g}" for claim in claims)


def _one_source(claims: Sequence[_Claim], verdicts: _Verdicts) -> list[_Claim]:
    source = claims[0].source
    others = [claim for claim in claims if claim.source != source]
    verdicts.lose(others, f"the source {source} is preferred")
    return [claim for claim in claims if claim.source == source]


def _distinct(claims: Sequence[_Claim], verdicts: _Verdicts) -> list[_Claim]:
    """Claims of different actions: the preferred one of each."""
    left: list[_Claim] = []
    for claim in claims:
        twin = next((earlier for earlier in left if claim.repeats(earlier)), None)
        if twin is None:
            left.append(claim)
        elif twin.text == claim.text:
            verdicts.lose([claim], "the same row came twice")
        elif twin.record == claim.record != "":
            verdicts.lose([claim], f"another version of the record {twin.record} is kept")
        else:
            word = "split" if claim.kind == SPLIT else "dividend"
            verdicts.lose([claim], f"the same {word} came twice")
    return left


def _last_declared(claims: Sequence[_Claim], verdicts: _Verdicts) -> list[_Claim]:
    """Claims without those that were declared anew; an unknown day contradicts no other."""
    paid = next((claim.paid for claim in claims if claim.paid != _UNKNOWN), _UNKNOWN)
    latest: dict[float, _Claim] = {}
    left = []
    # The preferred come first, so the first claim of a day of payment was declared last.
    for claim in claims:
        last = latest.setdefault(paid if claim.paid == _UNKNOWN else claim.paid, claim)
        if _UNKNOWN < claim.declared < last.declared:
            verdicts.lose([claim], f"declared anew, with {last.figure:.9g}, which is kept")
        else:
            left.append(claim)
    return left


def _nearest(candidates: Sequence[float], move: float) -> int | None:
    """Index of the candidate that explains the move; None where none does, or not clearly."""
    if not 0.0 < move < math.inf:
        return None
    distances = [abs(math.log(move / candidate)) for candidate in candidates]
    first, second = sorted(distances)[:2]
    if first > math.log1p(SPLIT_TOLERANCE) or second - first < CLEARLY_NEARER:
        return None
    return distances.index(first)


def _refusals(rows: pd.DataFrame, days: SessionArray) -> NDArray[np.object_]:
    """Why each row is unusable by itself; empty for a usable row."""
    kind = rows["action_type"]
    split = (kind == SPLIT).to_numpy(dtype=bool, na_value=False)
    dividend = kind.isin(KINDS[1:]).to_numpy(dtype=bool)
    figure = _figures(rows)
    positive = (figure > 0) & (figure < np.inf)
    currency = np.array([code.upper() for code in _text(rows, "currency")], dtype=object)
    foreign = dividend & ~np.isin(currency, ["", CURRENCY])
    reasons = np.full(len(rows), "", dtype=object)
    tests: tuple[tuple[object, BoolArray], ...] = (
        ("no ex-date", np.isnat(days)),
        ("no ticker", _text(rows, "symbol") == ""),
        ("neither a split nor a dividend", ~split & ~dividend),
        ("the ratio is no positive number", split & ~positive),
        ("a split by 1 changes nothing", split & np.isclose(figure, 1.0, rtol=0.0, atol=1e-9)),
        ("the amount is no positive number", dividend & ~positive),
        ("paid in " + currency[foreign], foreign),
    )
    # The first reason is the one given.
    for reason, holds in reversed(tests):
        reasons[holds] = reason
    return reasons


def _contests(
    rows: pd.DataFrame, days: SessionArray, usable: BoolArray, prefer: Sequence[str]
) -> list[list[_Claim]]:
    """Usable rows of an ex-date on which a symbol has several, the preferred first."""
    key = pd.DataFrame(
        {"day": days, "symbol": rows["symbol"], "split": rows["action_type"] == SPLIT}
    )
    places = np.flatnonzero(usable)
    places = places[key.iloc[places].duplicated(keep=False).to_numpy()]
    contested, day = rows.iloc[places], days[places].astype(np.int64)
    declared = _numbered_days(contested, "declared_on")
    facts = pd.DataFrame(
        {
            "row": places,
            "day": day,
            "symbol": contested["symbol"].to_numpy(dtype=object),
            "kind": contested["action_type"].to_numpy(dtype=object),
            "figure": _figures(contested),
            "source": _text(contested, "source"),
            "record": _text(contested, "vendor_id"),
            # A declaration after the ex-date is a typing error (known of Massive).
            "declared": np.where(declared > day, _UNKNOWN, declared),
            "paid": _numbered_days(contested, "paid_on"),
            "text": [repr(values) for values in contested.itertuples(index=False, name=None)],
        }
    )
    claims = [_Claim(*values) for values in facts.itertuples(index=False, name=None)]
    ranks = {source: rank for rank, source in enumerate(prefer)}

    def order(claim: _Claim) -> tuple[object, ...]:
        # A row and its copy are equal in this order; no other two are.
        source = (ranks.get(claim.source, len(ranks)), claim.source)
        record = (-claim.declared, claim.record == "", claim.record)
        return (*claim.contest, *source, *record, claim.figure, claim.kind, claim.paid, claim.text)

    claims.sort(key=order)
    return [list(group) for _, group in groupby(claims, key=lambda claim: claim.contest)]


def _corrected(rows: pd.DataFrame, days: SessionArray, verdicts: _Verdicts) -> pd.DataFrame:
    """Rows with the sessions, figures and sources of the verdicts."""
    ratios, amounts = _numbers(rows["split_ratio"]), _numbers(rows["cash_amount"])
    split = (rows["action_type"] == SPLIT).to_numpy(dtype=bool, na_value=False)
    for row, figure in verdicts.figures.items():
        (ratios if split[row] else amounts)[row] = figure
    sources = rows["source"].to_numpy(dtype=object, copy=True)
    for row, notes in verdicts.notes.items():
        sources[row] = "; ".join([str(sources[row]), *notes])
    return rows.assign(
        date=days.astype("datetime64[s]"),
        split_ratio=ratios,
        cash_amount=amounts,
        source=pd.array(sources, dtype="str"),
    )


def _moves_of(
    moves: pd.DataFrame | None, contests: Sequence[Sequence[_Claim]]
) -> dict[tuple[int, str], float]:
    """Overnight price moves of the contested symbols, by day and symbol."""
    if moves is None:
        return {}
    moves = moves[moves["symbol"].isin([claims[0].symbol for claims in contests])]
    days = _dates(moves["date"]).astype(np.int64).tolist()
    return dict(zip(zip(days, moves["symbol"], strict=True), moves["move"], strict=True))


def _in_sessions(
    days: SessionArray, sessions: Sequence[date] | SessionArray | None
) -> SessionArray:
    """Move days that are not sessions to the next session."""
    if sessions is None or not len(sessions):
        return days
    calendar = np.asarray(sessions, dtype=_DAY)
    following = np.minimum(np.searchsorted(calendar, days), len(calendar) - 1)
    inside = (days >= calendar[0]) & (days <= calendar[-1])
    moved: SessionArray = np.where(inside, calendar[following], days)
    return moved


def _figures(rows: pd.DataFrame) -> FloatArray:
    """Ratio of a split, amount of a dividend; NaN where it is no number."""
    split = (rows["action_type"] == SPLIT).to_numpy(dtype=bool, na_value=False)
    return np.where(split, _numbers(rows["split_ratio"]), _numbers(rows["cash_amount"]))


def _numbers(values: pd.Series) -> FloatArray:
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def _text(rows: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Column as text, empty where there is none."""
    if name not in rows.columns:
        return np.full(len(rows), "", dtype=object)
    values = rows[name]
    return values.astype("str").where(values.notna(), "").to_numpy(dtype=object)


def _numbered_days(rows: pd.DataFrame, name: str) -> FloatArray:
    if name not in rows.columns:
        return np.full(len(rows), _UNKNOWN)
    days = _dates(rows[name])
    return np.where(np.isnat(days), _UNKNOWN, days.astype(np.float64))


def _dates(values: pd.Series) -> SessionArray:
    dates: SessionArray = pd.to_datetime(values, errors="coerce").to_numpy().astype(_DAY)
    return dates
