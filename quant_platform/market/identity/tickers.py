"""Tickers by number: a session's 12,000 are hashed once, and the rest is arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quant_platform.market.panel import FloatArray


class Tickers:
    """Tickers by number, so that a session's 12,000 are hashed once and the rest is arrays.

    Attributes
    ----------
    names : the tickers in the order of their numbers
    meaning : security of each; None for nobody
    last_bar : number of the session of its last bar; 0: longer ago than is remembered
    """

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self.names: list[str] = []
        self.meaning = np.full(1024, None, dtype=object)
        self.last_bar = np.zeros(1024, dtype=np.int64)

    def places(self, symbols: Sequence[str]) -> NDArray[np.intp]:
        """Number of each ticker; new ones get one."""
        found = list(map(self._place.get, symbols))
        if None in found:
            for at, symbol in enumerate(symbols):
                if found[at] is None:
                    found[at] = self._place.setdefault(symbol, len(self._place))
            self.names = list(self._place)
            self._grow()
        return np.asarray(found, dtype=np.intp)

    def mean(self, symbol: str, security: str | None) -> None:
        """Let a ticker mean a security."""
        (place,) = self.places([symbol])
        self.meaning[place] = security

    def _grow(self) -> None:
        missing = 2 * len(self._place) - len(self.meaning)
        if missing > len(self._place):
            self.meaning = np.concatenate([self.meaning, np.full(missing, None, dtype=object)])
            self.last_bar = np.concatenate([self.last_bar, np.zeros(missing, dtype=np.int64)])


class Traded:
    """What each ticker traded in a session, and whether it did."""

    def __init__(self, tickers: Tickers, places: NDArray[np.intp], traded: FloatArray) -> None:
        self._tickers = tickers
        self._row = np.full(len(tickers.meaning), -1, dtype=np.intp)
        self._row[places] = np.arange(len(places))
        self._traded = traded

    def __contains__(self, symbol: str) -> bool:
        return self._at(symbol) >= 0

    def dollars(self, symbol: str) -> float:
        """Close × volume of a ticker that has a bar."""
        return float(self._traded[self._at(symbol)])

    def without(self, places: NDArray[np.intp]) -> list[int]:
        """Return those of the tickers at `places` that have no bar."""
        missing: list[int] = places[self._row[places] < 0].tolist()
        return missing

    def _at(self, symbol: str) -> int:
        (place,) = self._tickers.places([symbol])
        # A ticker first heard of after this session began has no bar in it.
        return int(self._row[place]) if place < len(self._row) else -1
