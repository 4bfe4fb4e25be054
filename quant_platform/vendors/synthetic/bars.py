"""The bars that are published: true prices on cents, a range, a volume, and here and there a fault.

A bar is worked out when it is asked for, from its session and place alone, but for the copy of the
bar before. What does not belong here: prices (`prices.py`), frames (`market.py`).
"""

from dataclasses import dataclass

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.vendors.synthetic.draws import Stream, drawn, normal
from quant_platform.vendors.synthetic.prices import CALM_STEP, Prices
from quant_platform.vendors.synthetic.schedule import Event, Kind, Schedule

FIELDS = ("open_price", "high_price", "low_price", "close_price", "volume", "vwap", "trade_count")

CENTS, FINE = 100.0, 10_000.0
"""Ticks of a price and of a mean price, per currency unit."""

WICK = 0.5
"""How far a high reaches beyond open and close, in σ of the company."""

SHARES_A_TRADE = 80.0

FORMS = ("high", "low", "open", "close", "decimal", "copy", "volume")
"""What may be wrong with a bar: a price, all prices by a factor of ten, the bar of the session
before once more, or a hundredfold volume."""

SMALLEST_ERROR, ERROR_SPAN = 0.15, 0.35
"""A wrong price lies at least this far off, and at most by the sum of both, as a fraction."""

Fields = dict[str, FloatArray]


@dataclass(frozen=True)
class BadPrint:
    """What is wrong with a bar.

    Attributes
    ----------
    event : where it was planted
    form : one of `FORMS`
    printed, true : wrong and right value: of the price, of the volume, or else of the close
    """

    event: Event
    form: str
    printed: float
    true: float


class PublishedBars:
    """Bars as they are published, session by session."""

    def __init__(self, seed: int, schedule: Schedule, prices: Prices) -> None:
        self._seed, self._schedule, self._prices = seed, schedule, prices
        self._bad: dict[int, list[Event]] = {}
        for event in schedule.events:
            if event.kind is Kind.BAD_PRINT:
                self._bad.setdefault(event.session, []).append(event)

    def places(self, k: int) -> np.ndarray:
        """Places with a bar in session number `k`, ascending."""
        return np.flatnonzero((self._schedule.holder[k] >= 0) & ~self._schedule.halted[k])

    def fields(self, k: int) -> Fields:
        """Fields of the bars of `places(k)`."""
        places = self.places(k)
        fields = self._true_fields(k, places)
        for event in self._bad.get(k, ()):
            at = int(np.searchsorted(places, event.place))
            for name, value in self._spoilt(event).items():
                fields[name][at] = value
        return fields

    def bad_prints(self) -> list[BadPrint]:
        """What is wrong with the bars, in the order of time."""
        return [self._described(event) for events in self._bad.values() for event in events]

    def _true_fields(self, k: int, places: np.ndarray) -> Fields:
        traits = self._prices.traits
        companies = self._schedule.holder[k, places]
        step = np.where(self._prices.is_calm[k, places], CALM_STEP, traits.step[companies])
        opened = _on_ticks(self._prices.opens[k, places], CENTS)
        closed = _on_ticks(self._prices.closes[k, places], CENTS)
        up, down, turnover = (
            np.abs(normal(drawn(self._seed, stream, k, places)))
            for stream in (Stream.HIGH, Stream.LOW, Stream.TURNOVER)
        )
        top, bottom = np.maximum(opened, closed), np.minimum(opened, closed)
        high = np.maximum(_on_ticks(top * (1.0 + WICK * step * up), CENTS), top)
        low = np.minimum(_on_ticks(bottom * (1.0 - WICK * step * down), CENTS), bottom)
        busier = 0.4 + 0.75 * turnover + 10.0 * np.abs(closed / opened - 1.0)
        volume = np.maximum(np.rint(traits.dollars[companies] / closed * busier), 1.0)
        mean = _on_ticks((high + low + closed) / 3.0, FINE)
        values = (
            *(opened, high, low, closed, volume, np.minimum(np.maximum(mean, low), high)),
            np.maximum(np.rint(volume / SHARES_A_TRADE), 1.0),
        )
        return dict(zip(FIELDS, values, strict=True))

    def _bar(self, k: int, place: int) -> dict[str, float]:
        """Fields of a bar without its fault."""
        fields = self._true_fields(k, np.array([place]))
        return {name: float(values[0]) for name, values in fields.items()}

    def _spoilt(self, event: Event) -> dict[str, float]:
        """Fields of a bar with its fault, within the rules that every bar keeps."""
        bar = self._bar(event.session, event.place)
        form, factor = _form(event), _factor(event)
        if form == "copy":
            return self._bar(event.session - 1, event.place)
        if form == "volume":
            return bar | {"volume": bar["volume"] * 100.0}
        if form == "decimal":
            wrong = [name for name in FIELDS if name.endswith("_price") or name == "vwap"]
        else:
            wrong = [f"{form}_price"]
        for name in wrong:
            ticks = FINE if name == "vwap" else CENTS
            bar[name] = float(_on_ticks(np.array([bar[name] * factor]), ticks)[0])
        ends = (bar["open_price"], bar["close_price"])
        bar["high_price"] = max(bar["high_price"], *ends)
        bar["low_price"] = min(bar["low_price"], *ends)
        bar["vwap"] = min(max(bar["vwap"], bar["low_price"]), bar["high_price"])
        return bar

    def _described(self, event: Event) -> BadPrint:
        form = _form(event)
        shown = form if form in ("open", "high", "low") else "close"
        name = "volume" if form == "volume" else f"{shown}_price"
        true = self._bar(event.session, event.place)
        return BadPrint(event, form, self._spoilt(event)[name], true[name])


def _form(event: Event) -> str:
    return FORMS[event.choice % len(FORMS)]


def _factor(event: Event) -> float:
    """By how much a price is multiplied; the larger half of the sizes goes up."""
    form, error = _form(event), SMALLEST_ERROR + ERROR_SPAN * event.size
    if form == "decimal":
        return 10.0 if event.size >= 0.5 else 0.1
    goes_up = form == "high" or (form != "low" and event.size >= 0.5)
    return 1.0 + error if goes_up else 1.0 - error


def _on_ticks(price: FloatArray, ticks: float) -> FloatArray:
    rounded: FloatArray = np.maximum(np.rint(price * ticks), 1.0) / ticks
    return rounded
