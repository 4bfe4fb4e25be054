"""`Costs`: what a simulation assumes of trading, one named number each, and named sets of them.

Prices and sizes, what a fill costs, when cash moves, and what borrowing costs. The defaults of the
fields are those of `Costs()`, which fills at the open at a small cost and assumes nothing else; the
presets say more. Each field states its meaning, unit and range.

What does not belong here: what is done with it (`engine/`), and limits (`limits.py`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.settings import Settings

BASIS_POINT = 1e-4

EXECUTE_AT = ("open", "close", "mid", "vwap")
SIZE_AT = ("fill", "previous_close")
REST = ("carry", "cancel")
PAID = ("ex_date", "pay_date")
SETTLEMENT = ("none", "us")

_MEANING = "meaning"
_ALLOWED = "allowed"


def _number(default: float, low: float, high: float, meaning: str) -> Any:
    """A field for a number in [low, high]."""
    return field(default=default, metadata={_MEANING: meaning, _ALLOWED: (low, high)})


def _choice(default: str, allowed: tuple[str, ...], meaning: str) -> Any:
    return field(default=default, metadata={_MEANING: meaning, _ALLOWED: allowed})


def _flag(meaning: str) -> Any:
    return field(default=False, metadata={_MEANING: meaning, _ALLOWED: (False, True)})


@dataclass(frozen=True)
class Costs:
    """What trading costs and how it is done.

    Attributes
    ----------
    commission_bp, slippage_bp : basis points of the value filled, and of the price: half the spread
    size_at, execute_at : prices that orders are sized and filled at
    others : see each field's own words, in `Costs.table()` and `docs/conventions.md`

    Examples
    --------
    >>> Costs.realistic().size_at
    'previous_close'
    >>> Costs.realistic(volume_share=0.05).volume_share
    0.05
    """

    commission_bp: float = _number(
        5.0, 0.0, 9999.0, "commission on the value filled, in basis points"
    )
    slippage_bp: float = _number(
        5.0,
        0.0,
        9999.0,
        "distance of a fill from the price executed at: half the spread, in basis points",
    )
    size_at: str = _choice(
        "fill",
        SIZE_AT,
        "prices and equity that orders are sized from: of the fill, or of the close before",
    )
    execute_at: str = _choice(
        "open",
        EXECUTE_AT,
        "price of the next session that orders are executed at; vwap: the mean"
        " of high, low and close",
    )
    whole_shares: bool = _flag("orders are rounded towards zero to whole shares")
    lot: float = _number(1.0, 1.0, 1e6, "shares of which whole orders are multiples")
    min_order: float = _number(
        0.0, 0.0, 1e12, "orders of a smaller value are not made, in currency"
    )
    size_includes_costs: bool = _flag(
        "an order is worth what is traded with its commission rate, half spread and tax rate"
    )
    charge_before_spread: bool = _flag(
        "commission and taxes are shares of the value at the price executed at, before the spread"
    )
    cash_only: bool = _flag(
        "purchases are cut to the cash there is, from the largest on; sales go first"
    )
    volume_share: float = _number(
        math.inf, 0.0, math.inf, "largest share of a session's volume that one order takes"
    )
    rest: str = _choice(
        "carry",
        REST,
        "what becomes of the rest of an order beyond that share;"
        " what leaves a position is always carried over",
    )
    limit_through: bool = _flag("a limit is filled only by a price beyond it, not at it")
    commission_per_share: float = _number(0.0, 0.0, 1e6, "commission on each share, in currency")
    commission_minimum: float = _number(0.0, 0.0, 1e9, "least commission of an order, in currency")
    commission_tiers: tuple[tuple[float, float], ...] = field(
        default=(),
        metadata={
            _MEANING: "values of an order from which on another commission holds, with its basis"
            " points",
            _ALLOWED: "pairs of a value and basis points, by rising value",
        },
    )
    buy_tax_bp: float = _number(0.0, 0.0, 9999.0, "tax on purchases, in basis points of the value")
    sell_tax_bp: float = _number(0.0, 0.0, 9999.0, "tax on sales, in basis points of the value")
    impact: float = _number(
        0.0, 0.0, 100.0, "price impact: coefficient × daily volatility × √(shares / usual volume)"
    )
    settlement: str = _choice(
        "none",
        SETTLEMENT,
        "when the cash of a trade is there: at once, or after the rule of its day in the US",
    )
    cash_rate: float = _number(0.0, -1.0, 1.0, "annual interest on settled cash, as a fraction")
    margin_rate: float = _number(0.0, 0.0, 1.0, "annual interest on cash that is owed")
    borrow_rate: float = _number(0.0, 0.0, 100.0, "annual fee on the value of short positions")
    dividends_paid: str = _choice("ex_date", PAID, "when a dividend is cash")
    pay_lag: int = _number(
        28, 0, 366, "days from ex-date to payment where the pay date is not known"
    )
    withholding: float = _number(0.0, 0.0, 1.0, "tax withheld from dividends received")

    def __post_init__(self) -> None:
        for each in fields(self):
            value, allowed = getattr(self, each.name), each.metadata[_ALLOWED]
            if each.name == "commission_tiers":
                self._check_tiers()
            elif not _is_allowed(value, allowed):
                raise SettingsError(
                    f"The trading cost {each.name} is {value!r}", f"Allowed: {_range(allowed)}."
                )

    def _check_tiers(self) -> None:
        rising = [start for start, _ in self.commission_tiers]
        rates = [rate for _, rate in self.commission_tiers]
        if rising != sorted(rising) or not all(0.0 <= each < 1e4 for each in rates):
            raise SettingsError(
                f"The trading cost commission_tiers is {self.commission_tiers!r}",
                "Allowed: pairs of a value and basis points, by rising value.",
            )

    def __str__(self) -> str:
        """The fields that differ from `Costs.ideal()`, as one line."""
        ideal = Costs.ideal()
        return (
            " ".join(
                f"{each.name}={self.text(each.name)}"
                for each in fields(self)
                if getattr(self, each.name) != getattr(ideal, each.name)
            )
            or "ideal"
        )

    def text(self, name: str) -> str:
        """Return a field's value as a setting states it."""
        value = getattr(self, name)
        if isinstance(value, tuple):
            return ",".join(f"{start:g}:{rate:g}" for start, rate in value)
        return f"{value:g}" if isinstance(value, float) else str(value).lower()

    @classmethod
    def ideal(cls, **changes: Any) -> "Costs":
        """Fills at the open, in fractions of shares, at no cost, sized by that open."""
        return replace(cls(0.0, 0.0), **changes)

    @classmethod
    def realistic(cls, **changes: Any) -> "Costs":
        """What an ordinary account may expect; the default of the platform.

        Orders are sized from the close before, as orders for the opening auction must be. The
        borrow fee is the mean of easily borrowed stocks (G. D'Avolio, "The market for borrowing
        stock", Journal of Financial Economics 66, 2002); the impact pays two thirds of the final
        move of a coefficient of 1.
        """
        chosen = cls(
            size_at="previous_close",
            whole_shares=True,
            volume_share=0.1,
            impact=0.67,
            settlement="us",
            margin_rate=0.05,
            borrow_rate=0.0025,
            dividends_paid="pay_date",
        )
        return replace(chosen, **changes)

    @classmethod
    def pessimistic(cls, **changes: Any) -> "Costs":
        """Three times the spread, more impact, less volume, dear borrowing and taxed dividends."""
        chosen = replace(
            cls.realistic(),
            commission_bp=10.0,
            slippage_bp=15.0,
            volume_share=0.025,
            rest="cancel",
            limit_through=True,
            impact=1.5,
            margin_rate=0.1,
            borrow_rate=0.03,
            withholding=0.3,
        )
        return replace(chosen, **changes)

    @classmethod
    def like_zipline(cls, **changes: Any) -> "Costs":
        """As zipline's daily mode: sized at a close, filled at the next, in whole shares."""
        chosen = replace(
            cls.ideal(),
            size_at="previous_close",
            execute_at="close",
            whole_shares=True,
            volume_share=0.1,
        )
        return replace(chosen, **changes)

    @classmethod
    def like_bt(cls, **changes: Any) -> "Costs":
        """As bt: filled at the close, an order's costs are paid out of what it is worth."""
        chosen = replace(
            cls.ideal(), execute_at="close", size_includes_costs=True, charge_before_spread=True
        )
        return replace(chosen, **changes)

    @classmethod
    def like_vectorbt(cls, **changes: Any) -> "Costs":
        """As vectorbt: filled at the close that it is sized at, within the cash there is."""
        return replace(cls.ideal(), execute_at="close", cash_only=True, **changes)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "Costs":
        """Return a set of assumptions by its name.

        Raises
        ------
        UnknownNameError : there is no such set
        """
        if name not in PRESETS:
            raise UnknownNameError(
                f"There is no set of trading costs {name!r}", f"Known: {', '.join(PRESETS)}."
            )
        chosen: Costs = getattr(cls, name)(**changes)
        return chosen

    @classmethod
    def read(cls, text: str) -> "Costs":
        """Read a preset with changes, as a setting states them: `realistic slippage_bp=3`.

        Raises
        ------
        UnknownNameError, SettingsError : there is no such preset or field, or no such value
        """
        name, *changes = text.split() or [""]
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        for change in changes:
            key, _, value = change.partition("=")
            if key not in known or key == "commission_tiers":
                raise UnknownNameError(
                    f"There is no trading cost {key!r}", f"Known: {', '.join(known)}."
                )
            values[key] = _parsed(key, value, known[key].default)
        return cls.preset(name, **values)

    @classmethod
    def table(cls) -> Mapping[str, tuple[str, str]]:
        """Return the meaning and the allowed values of each field, by its name."""
        return {
            each.name: (each.metadata[_MEANING], _range(each.metadata[_ALLOWED]))
            for each in fields(cls)
        }


PRESETS = ("ideal", "realistic", "pessimistic", "like_zipline", "like_bt", "like_vectorbt")
"""Names of the sets of assumptions."""


def costs_of(settings: Settings) -> Costs:
    """Read the settings: a preset, changed by commission and slippage where these are set."""
    costs = Costs.read(settings.costs)
    if settings.commission_bp is not None:
        costs = replace(costs, commission_bp=settings.commission_bp)
    if settings.slippage_bp is not None:
        costs = replace(costs, slippage_bp=settings.slippage_bp)
    return costs


def _is_allowed(value: object, allowed: tuple[Any, ...]) -> bool:
    if isinstance(allowed[0], float | int) and not isinstance(allowed[0], bool):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and allowed[0] <= value <= allowed[1]  # type: ignore[operator]
    return value in allowed


def _range(allowed: object) -> str:
    if isinstance(allowed, str):
        return allowed
    values = allowed if isinstance(allowed, tuple) else ()
    if isinstance(values[0], bool):
        return "true or false"
    if isinstance(values[0], str):
        return " or ".join(values)
    return f"a number from {values[0]:g} to {values[1]:g}"


def _parsed(name: str, text: str, default: object) -> object:
    """Read a field's value as a setting states it."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        return float(text) if isinstance(default, float) else text
    except (KeyError, ValueError):
        raise SettingsError(
            f"The trading cost {name} is {text!r}", f"Allowed: {Costs.table()[name][1]}."
        ) from None


DEFAULT_COSTS = Costs()
"""5 basis points of commission and 5 of slippage."""
