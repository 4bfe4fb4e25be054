"""The true prices of a market, session by session: factors, signals, and what events do to them.

With p the close before in the units of the session (after a split, less the dividends of the day),

    open  = p · (1 + β · m + γ · s + σ · e)        of the night, and the same of the day
    close = open · (1 + β · m′ + γ · s′ + σ · e′ + D · Σ aᵢ zᵢ)

where m is the market's move, whose variance clusters (GARCH(1, 1): Bollerslev 1986), s that of the
company's sector and e its own; the last term is the signals' (`signals.py`). A company that is to
be bankrupt falls from its turn on; one that is to be taken over jumps at its turn, and then stays
at the price of the deal.

All sums over the market are exact (`math.fsum`), everything else is + - * / and √ of one element:
the prices are the same bits on every platform. What does not belong here: rounding to cents and
the rest of a bar (`bars.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.vendors.synthetic.draws import Stream, below, drawn, normal, uniform
from quant_platform.vendors.synthetic.schedule import Event, Kind, Schedule
from quant_platform.vendors.synthetic.signals import SIGNALS, signal_values, weight

SECTORS = (
    "Synthetic Banks",
    "Synthetic Energy",
    "Synthetic Health",
    "Synthetic Industry",
    "Synthetic Mining",
    "Synthetic Retail",
    "Synthetic Software",
    "Synthetic Utilities",
)

DRIFT = 0.0004
"""Of a session, in which the day has it."""

MARKET_STEP, SECTOR_STEP = 0.008, 0.005
"""Standard deviations of the common factor and of a sector's, of a session."""

NIGHT, DAY = 0.5, math.sqrt(0.75)
"""Parts of a standard deviation that night and day have."""

CLUSTER_BASE, CLUSTER_SHOCK, CLUSTER_MEMORY = 0.04, 0.08, 0.88
"""Variance of the market, in that of `MARKET_STEP`: base + shock × last square + memory × last."""

FALL = -0.05
"""Return that a company on its way to bankruptcy has in each session beyond the usual."""

PREMIUM = (0.15, 0.45)
"""What a takeover offers beyond the last close, as a fraction."""

DISCOUNT = 0.0003
"""What the price of a company that is taken over lies below the deal, for each session to go."""

CALM_STEP = 0.0005
"""σ of such a company."""

LOWEST_RETURN, HIGHEST_RETURN = -0.4, 0.6
"""Of a night or a day."""

LOWEST_PRICE = 0.05

DEAR = 30.0
"""Above this price a split gives more shares, below it fewer."""

FORWARD, REVERSE = (2.0, 3.0, 1.5, 4.0), (0.2, 0.1, 0.05)
"""New shares for an old one."""

QUARTER = 63
"""Sessions from one dividend to the next."""

SPECIAL, FALSE = (0.04, 0.12), (0.05, 0.12)
"""Shares of the close before that special dividends, and those that nobody was paid, have."""

RECOVERIES = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Shares of the last price that are paid after a bankruptcy."""


@dataclass(frozen=True)
class Action:
    """A split or dividend, true or not, published or not."""

    kind: Kind
    session: int
    company: int
    value: float

    @property
    def is_true(self) -> bool:
        """Whether the price follows it."""
        return self.kind not in (Kind.FALSE_SPLIT, Kind.FALSE_DIVIDEND)

    @property
    def is_split(self) -> bool:
        """Whether `value` is a ratio and no cash."""
        return self.kind in (Kind.SPLIT, Kind.FALSE_SPLIT, Kind.MISSING_SPLIT)


class Traits:
    """What the companies are like, arrays by the companies' numbers."""

    def __init__(self, seed: int, companies: int) -> None:
        numbers = np.arange(companies)

        def even(stream: Stream) -> FloatArray:
            return uniform(drawn(seed, stream, numbers, 0))

        self.sector = below(drawn(seed, Stream.SECTOR, numbers, 0), len(SECTORS))
        self.beta = 0.5 + even(Stream.BETA)
        self.loading = 0.5 + even(Stream.SECTOR_LOADING)
        self.step = 0.010 + 0.010 * even(Stream.STEP)
        price = even(Stream.PRICE)
        self.price = 8.0 + 90.0 * price * price
        self.dollars = 6e8 / (1.0 + 300.0 * even(Stream.DOLLARS))
        self.pays = even(Stream.PAYS) < 0.4
        self.quarter = below(drawn(seed, Stream.QUARTER, numbers, 0), QUARTER)
        self.yields = 0.003 + 0.006 * even(Stream.YIELD)
        self.age = below(drawn(seed, Stream.AGE, numbers, 0), 9_000)


class Prices:
    """True prices of a market, and its true and false actions.

    Attributes
    ----------
    opens, closes : sessions × places, in currency; NaN where no company has the place
    actions : in the order of time
    deals : price per share that a takeover pays, by company
    is_calm : where a takeover has been announced: sessions × places
    signals : signals × sessions × places
    """

    def __init__(self, seed: int, schedule: Schedule) -> None:
        self._seed, self._schedule = seed, schedule
        self.traits = Traits(seed, len(schedule.companies))
        sessions, places = schedule.holder.shape
        self.signals = signal_values(seed, sessions, places)
        self.opens, self.closes = np.full((2, sessions, places), np.nan)
        self.actions: list[Action] = []
        self.deals: dict[int, float] = {}
        self.is_calm = np.zeros((sessions, places), dtype=bool)
        self._first = np.array([company.first for company in schedule.companies])
        self._turn = np.array(
            [sessions if each.turn is None else each.turn for each in schedule.companies]
        )
        self._premiums = {
            event.company: PREMIUM[0] + (PREMIUM[1] - PREMIUM[0]) * event.size
            for event in schedule.events
            if event.kind is Kind.MERGER
        }
        self._events: dict[int, list[Event]] = {}
        for event in schedule.events:
            self._events.setdefault(event.session, []).append(event)
        self._weights = [weight(signal) for signal in SIGNALS]
        self._places = np.arange(places)
        self._variance, self._square = 1.0, 1.0
        for k in range(sessions):
            self._walk(k)

    def payoff(self, number: int) -> float:
        """What a share of a company that ended was paid, in currency."""
        company = self._schedule.companies[number]
        if company.ending is Kind.MERGER:
            return self.deals[number]
        assert company.last is not None  # noqa: S101 — it ended
        choice = below(drawn(self._seed, Stream.RECOVERY, number, 0), len(RECOVERIES))
        share = RECOVERIES[int(choice[0])]
        return round(cents(float(self.closes[company.last, company.place])) * share, 4)

    def _walk(self, k: int) -> None:
        """Add session number `k`."""
        held = self._schedule.holder[k]
        places = self._places[held >= 0]
        companies = held[places]
        base = self._base(k, places, companies)
        night, day = self._usual(k, places, companies)
        self._endings(k, places, companies, base, night, day)
        spread = _deviation((night + day).tolist())
        if k > 0:
            pull = np.zeros(len(places))
            for values, factor in zip(self.signals, self._weights, strict=True):
                if factor:
                    pull = pull + factor * values[k - 1, places]
            day = np.where(self.is_calm[k, places], day, day + spread * pull)
        night = np.clip(night, LOWEST_RETURN, HIGHEST_RETURN)
        day = np.clip(day, LOWEST_RETURN, HIGHEST_RETURN)
        self.opens[k, places] = np.maximum(base * (1.0 + night), LOWEST_PRICE)
        self.closes[k, places] = np.maximum(self.opens[k, places] * (1.0 + day), LOWEST_PRICE)

    def _base(self, k: int, places: np.ndarray, companies: np.ndarray) -> FloatArray:
        """Close before, in the units of session `k`; actions of the session are added."""
        before = self.closes[k - 1, places] if k else np.full(len(places), np.nan)
        first = self._first[companies] == k
        base: FloatArray = np.where(first, self.traits.price[companies], before)
        position = dict(zip(places.tolist(), range(len(places)), strict=True))
        for event in self._events.get(k, ()):
            at = position[event.place]
            action = _action(event, float(base[at]))
            if action is not None:
                self.actions.append(action)
                if action.is_true:
                    base[at] = (
                        base[at] / action.value if action.is_split else base[at] - action.value
                    )
        traits = self.traits
        pays = traits.pays[companies] & (k % QUARTER == traits.quarter[companies]) & ~first
        for at in np.flatnonzero(pays & ~self._schedule.busy[k, places]).tolist():
            company = int(companies[at])
            amount = cents(float(base[at]) * float(traits.yields[company]))
            if amount > 0.0:
                self.actions.append(Action(Kind.DIVIDEND, k, company, amount))
                base[at] = base[at] - amount
        return base

    def _usual(
        self, k: int, places: np.ndarray, companies: np.ndarray
    ) -> tuple[FloatArray, FloatArray]:
        """Returns of night and day without events and signals."""
        traits, seed = self.traits, self._seed
        self._variance = (
            CLUSTER_BASE + CLUSTER_SHOCK * self._square + CLUSTER_MEMORY * self._variance
        )
        market = MARKET_STEP * math.sqrt(self._variance)
        parts = []
        moved = 0.0
        for share, common, sector, own in (
            (NIGHT, Stream.MARKET_NIGHT, Stream.SECTOR_NIGHT, Stream.NIGHT),
            (DAY, Stream.MARKET_DAY, Stream.SECTOR_DAY, Stream.DAY),
        ):
            shock = share * float(normal(drawn(seed, common, k, 0))[0])
            moved += shock
            sectors = normal(drawn(seed, sector, k, np.arange(len(SECTORS))))
            parts.append(
                traits.beta[companies] * (market * shock)
                + traits.loading[companies]
                * (SECTOR_STEP * share * sectors[traits.sector[companies]])
                + traits.step[companies] * share * normal(drawn(seed, own, k, places))
            )
        self._square = moved * moved * self._variance
        night, day = parts
        return night, day + DRIFT

    def _endings(
        self,
        k: int,
        places: np.ndarray,
        companies: np.ndarray,
        base: FloatArray,
        night: FloatArray,
        day: FloatArray,
    ) -> None:
        """Change the returns of companies that fall or are taken over."""
        for at in np.flatnonzero(k >= self._turn[companies]).tolist():
            number = int(companies[at])
            company = self._schedule.companies[number]
            assert company.last is not None  # noqa: S101 — it has a turn
            if company.ending is Kind.BANKRUPTCY:
                day[at] = day[at] + FALL
                continue
            if k == company.turn:
                self.deals[number] = cents(float(base[at]) * (1.0 + self._premiums[number]))
            self.is_calm[k, places[at]] = True
            deal, left = self.deals[number], company.last - k
            noise = normal(drawn(self._seed, Stream.DEAL, k, number))
            opened = deal * (1.0 - DISCOUNT * (left + 1))
            closed = deal * (1.0 - DISCOUNT * left) * (1.0 + CALM_STEP * float(noise[0]))
            night[at] = opened / float(base[at]) - 1.0
            day[at] = closed / opened - 1.0


def _action(event: Event, base: float) -> Action | None:
    """Split or dividend that an event is; None for others."""
    if event.kind in (Kind.SPLIT, Kind.FALSE_SPLIT, Kind.MISSING_SPLIT):
        ratios = FORWARD if base > DEAR else REVERSE
        return Action(event.kind, event.session, event.company, ratios[event.choice % len(ratios)])
    if event.kind in (Kind.SPECIAL_DIVIDEND, Kind.FALSE_DIVIDEND):
        low, high = SPECIAL if event.kind is Kind.SPECIAL_DIVIDEND else FALSE
        amount = max(cents(base * (low + (high - low) * event.size)), 0.01)
        return Action(event.kind, event.session, event.company, amount)
    return None


def _deviation(values: list[float]) -> float:
    """Standard deviation, its sums exact; 0 of nothing."""
    if not values:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((each - mean) * (each - mean) for each in values) / len(values))


def cents(price: float) -> float:
    """Price in whole cents."""
    return float(np.rint(price * 100.0)) / 100.0
