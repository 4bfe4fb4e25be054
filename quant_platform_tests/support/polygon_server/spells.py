"""Who holds each place of the synthetic market: spells of a security under a ticker.

Most places keep one security under one ticker. Per year about 2 % are renamed, 3 % delisted and
replaced by a newcomer under a new ticker, 1 % delisted and 1 % newly listed, and 0.3 % see their
ticker again on another security after a pause; but at least one of each kind, so that a small
market has all of them. A few tickers have bars and are unknown to the reference.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from quant_platform_tests.support.polygon_server.listings import Listed

SESSIONS_A_YEAR = 252

RATES = {"renamed": 0.02, "replaced": 0.03, "gone": 0.01, "new": 0.01, "reused": 0.003}
"""Share of places a year."""

UNKNOWN = 0.003
"""Share of places that the reference lacks."""

WITHOUT_FIGI = 0.08
FIRST_CIK = 9_000_000_000
FEWEST_SESSIONS, FEWEST_SYMBOLS = 8, 12
"""Below these a market has no events."""

KINDS = ("CS", "ETF", "PFD", "ADRC", "FUND", "WARRANT", "UNIT")
SHARES = (0.5, 0.26, 0.06, 0.05, 0.05, 0.05, 0.03)
EXCHANGES = ("XNAS", "XNYS", "ARCX", "BATS", "XASE")
SECTORS = ("SYNTHETIC SOFTWARE", "SYNTHETIC BANKS", "SYNTHETIC MINING", "SYNTHETIC RETAIL")


@dataclass(frozen=True)
class Spell:
    """From session number `first` to `last`, `place` belongs to `security` under `symbol`."""

    place: int
    first: int
    last: int
    security: int
    symbol: str


class Spells:
    """All spells of a market; sessions are numbers into `sessions`."""

    def __init__(
        self, sessions: Sequence[date], spells: Sequence[Spell], unknown: frozenset[int]
    ) -> None:
        self.sessions = tuple(sessions)
        self._spells = spells
        self._unknown = unknown
        self._place = np.array([spell.place for spell in spells])
        self._first = np.array([spell.first for spell in spells])
        self._last = np.array([spell.last for spell in spells])
        self._symbol = np.array([spell.symbol for spell in spells], dtype=object)
        self._by_symbol: dict[str, list[Spell]] = defaultdict(list)
        self._by_place: dict[int, list[Spell]] = defaultdict(list)
        for spell in spells:
            self._by_symbol[spell.symbol].append(spell)
            self._by_place[spell.place].append(spell)
        self._fresh: dict[int, list[int]] = defaultdict(list)
        for held in self._by_place.values():
            for before, after in pairwise(held):
                if before.security != after.security:
                    self._fresh[after.first].append(after.place)

    def of(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Places that are held in session `k`, and their tickers."""
        held = (self._first <= k) & (k <= self._last)
        return self._place[held], self._symbol[held]

    def place(self, symbol: str, k: int) -> int | None:
        """Place that `symbol` holds in session `k`."""
        places = (s.place for s in self._by_symbol.get(symbol, ()) if s.first <= k <= s.last)
        return next(places, None)

    def symbol(self, place: int, k: int) -> str | None:
        """Ticker of `place` in session `k`."""
        return next((s.symbol for s in self._by_place[place] if s.first <= k <= s.last), None)

    def steady(self) -> np.ndarray:
        """Places that one security holds throughout, renamed or not, in ascending order."""
        last = len(self.sessions) - 1
        return np.array(
            [
                place
                for place, spells in sorted(self._by_place.items())
                if len({spell.security for spell in spells}) == 1
                and (spells[0].first, spells[-1].last) == (0, last)
            ]
        )

    def new_holders(self, k: int) -> list[int]:
        """Places that a new security takes over in session `k`."""
        return self._fresh.get(k, [])

    def listings(self, rng: np.random.Generator) -> tuple[Listed, ...]:
        """Reference data; some securities lack a FIGI."""
        count = max(spell.security for spell in self._spells) + 1
        kinds = rng.choice(len(KINDS), count, p=SHARES)
        exchanges = rng.integers(len(EXCHANGES), size=count)
        ages = rng.integers(200, 9_000, size=count)
        nameless = rng.random(count) < WITHOUT_FIGI
        final = {spell.security: spell for spell in self._spells}
        origin = {spell.security: spell for spell in reversed(self._spells)}
        end = len(self.sessions) - 1
        listings = []
        for spell in self._spells:
            if spell.place in self._unknown:
                continue
            n, begun = spell.security, self.sessions[origin[spell.security].first]
            listed_on = begun if origin[n].first else begun - timedelta(days=int(ages[n]))
            kind = KINDS[kinds[n]]
            pooled = kind in ("ETF", "FUND")
            # A ticker is listed up to the eve of what follows it, weekends included.
            eve = None if spell.last == end else self._eve(spell)
            listings.append(
                Listed(
                    symbol=spell.symbol,
                    first=self.sessions[spell.first] if spell.first else listed_on,
                    last=eve,
                    security=f"SYN-{n:06d}",
                    figi=None if nameless[n] else f"BBGSYN{n:06d}",
                    share_class_figi=None if nameless[n] else f"BBGSYS{n:06d}",
                    cik=None if pooled else f"{FIRST_CIK + n}",
                    name=f"Synthetic {n:05d} {'Fund' if pooled else 'Inc.'}",
                    type=kind,
                    exchange=EXCHANGES[exchanges[n]],
                    sector=SECTORS[n % len(SECTORS)] if kind == "CS" else None,
                    list_date=listed_on,
                    delisted=eve + timedelta(days=1) if eve and spell is final[n] else None,
                )
            )
        return tuple(listings)

    def _eve(self, spell: Spell) -> date:
        return self.sessions[spell.last + 1] - timedelta(days=1)


def draw_spells(rng: np.random.Generator, symbols: int, sessions: Sequence[date]) -> Spells:
    """Draw who holds the `symbols` places over `sessions`."""
    last = len(sessions) - 1
    spells: list[Spell] = []
    fates = _fates(rng, symbols, len(sessions))
    newcomer = symbols
    for place in range(symbols):
        name, kind = _ticker(place), fates.get(place, "")
        middle = int(rng.integers(2, last - 3)) if kind else 0
        held = _held(kind, place, name, middle, last, newcomer)
        newcomer += sum(spell.security == newcomer for spell in held)
        spells.extend(held)
    unknown = rng.permutation(symbols)[: round(symbols * UNKNOWN)]
    if symbols >= FEWEST_SYMBOLS:
        unknown = np.append(unknown, symbols - 1)
    return Spells(sessions, spells, frozenset(unknown.tolist()) - fates.keys())


def _fates(rng: np.random.Generator, symbols: int, sessions: int) -> dict[int, str]:
    """Places to which something happens, and what."""
    if sessions < FEWEST_SESSIONS or symbols < FEWEST_SYMBOLS:
        return {}
    years = sessions / SESSIONS_A_YEAR
    kinds = [
        kind for kind, rate in RATES.items() for _ in range(max(1, round(rate * years * symbols)))
    ]
    # The last place is for a ticker that the reference lacks.
    places = rng.permutation(symbols - 1)[: len(kinds)]
    return dict(zip(places.tolist(), kinds, strict=False))


def _held(kind: str, place: int, name: str, middle: int, last: int, newcomer: int) -> list[Spell]:
    """Spells of one place, ascending; something of `kind` happens in session `middle`."""
    whole = Spell(place, 0, last, place, name)
    before = Spell(place, 0, middle - 1, place, name)
    spells_of = {
        "": [whole],
        "renamed": [before, Spell(place, middle, last, place, f"SYR{place:05d}")],
        "replaced": [before, Spell(place, middle + 1, last, newcomer, f"SYX{place:05d}")],
        "gone": [before],
        "new": [Spell(place, middle, last, place, f"SYW{place:05d}")],
        "reused": [before, Spell(place, middle + 2, last, newcomer, name)],
    }
    return spells_of[kind]


def _ticker(place: int) -> str:
    """Ticker of a place; now and then a share class or a preferred share, with its small letter."""
    suffix = {7: ".B", 11: "pA"}.get(place % 200, "")
    return f"SYN{place:05d}{suffix}"
