"""Tickers by number: Arrow hashes a session's 12,000 tickers once, and the rest works on arrays.

What does not belong here: deciding what a ticker means (`resolver.py`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray

NO_SECURITY = -1
"""Number in place of a security's where a ticker means none."""


class Names:
    """Names by number, in the order in which they were first met."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._names: list[str] = []
        self._as_arrow = pa.array([], pa.large_string())

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int) -> str:
        return self._names[number]

    def number(self, name: str) -> int:
        """Number of a name; a new one gets one."""
        number = self._number.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def numbers(self, names: pa.Array) -> NDArray[np.intp]:
        """Number of each name; new ones get one."""
        positions = pc.index_in(names, self.as_arrow())
        numbers: NDArray[np.intp] = positions.fill_null(NO_SECURITY).to_numpy().astype(np.intp)
        if positions.null_count:
            new_names = names.filter(pc.is_null(positions)).to_pylist()
            numbers[numbers == NO_SECURITY] = [self.number(name) for name in new_names]
        return numbers

    def as_arrow(self) -> pa.Array:
        """Return all names; only those met since the last time are converted."""
        new = self._names[len(self._as_arrow) :]
        if new:
            self._as_arrow = pa.concat_arrays([self._as_arrow, pa.array(new, pa.large_string())])
        return self._as_arrow


class Tickers:
    """Every ticker ever met, by number, and what is known of it.

    Attributes
    ----------
    names : the tickers
    last_bar : number of the session of a ticker's last bar; 0: longer ago than is remembered
    last_close : its close; missing where it is not remembered
    """

    def __init__(self) -> None:
        self.names = Names()
        self.last_bar = np.zeros(1024, dtype=np.int64)
        self.last_close = np.full(1024, np.nan)
        self._securities = Names()
        self._meaning = np.full(1024, NO_SECURITY, dtype=np.intp)

    def place(self, symbol: str) -> int:
        """Number of a ticker; a new one gets one."""
        place = self.names.number(symbol)
        self._make_room()
        return place

    def places(self, symbols: pa.Array) -> NDArray[np.intp]:
        """Number of each ticker; new ones get one."""
        places = self.names.numbers(symbols)
        self._make_room()
        return places

    def mean(self, symbol: str, security: str | None) -> None:
        """Let a ticker mean a security, or none."""
        place = self.place(symbol)
        self._meaning[place] = (
            NO_SECURITY if security is None else self._securities.number(security)
        )

    def mean_none(self, places: NDArray[np.intp]) -> BoolArray:
        """Whether each of these tickers means no security."""
        without: BoolArray = self._meaning[places] == NO_SECURITY
        return without

    def securities(self, places: NDArray[np.intp]) -> pa.Array:
        """Security that each of these tickers means; all of them mean one."""
        return self._securities.as_arrow().take(pa.array(self._meaning[places]))

    def _make_room(self) -> None:
        missing = len(self.names) - len(self.last_bar)
        if missing > 0:
            room = missing + len(self.names)
            self.last_bar = np.concatenate([self.last_bar, np.zeros(room, dtype=np.int64)])
            self.last_close = np.concatenate([self.last_close, np.full(room, np.nan)])
            self._meaning = np.concatenate(
                [self._meaning, np.full(room, NO_SECURITY, dtype=np.intp)]
            )


class Traded:
    """What each ticker traded in a session, whether it did, and how it opened.

    Parameters
    ----------
    places : numbers of the tickers that have a bar
    traded : close × volume of each
    opens : open of each; None: not known
    """

    def __init__(
        self,
        tickers: Tickers,
        places: NDArray[np.intp],
        traded: FloatArray,
        opens: FloatArray | None = None,
    ) -> None:
        self._tickers = tickers
        # The closes before; the array itself moves on with the session.
        moves = (
            np.full(len(places), np.nan) if opens is None else opens / tickers.last_close[places]
        )
        known = np.isfinite(moves) & (moves > 0)
        self._nights = np.log(moves, out=np.full(len(places), np.nan), where=known)
        self._market = float(np.median(self._nights[known])) if known.any() else 0.0
        self._row = np.full(len(tickers.last_bar), -1, dtype=np.intp)
        self._row[places] = np.arange(len(places))
        self._traded = traded

    def __contains__(self, symbol: str) -> bool:
        return self._at(symbol) >= 0

    def dollars(self, symbol: str) -> float:
        """Close × volume of a ticker that has a bar."""
        return float(self._traded[self._at(symbol)])

    def night(self, symbol: str) -> float:
        """Logarithm of a ticker's move over the night beyond the market's; NaN where unknown."""
        return float(self._nights[self._at(symbol)]) - self._market

    def without(self, places: NDArray[np.intp]) -> list[int]:
        """Return those of the tickers at `places` that have no bar."""
        missing: list[int] = places[self._row[places] < 0].tolist()
        return missing

    def _at(self, symbol: str) -> int:
        place = self._tickers.place(symbol)
        # A ticker first heard of after this session began has no bar in it.
        return int(self._row[place]) if place < len(self._row) else -1
