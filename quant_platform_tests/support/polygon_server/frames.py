"""`FrameBars`: the bars of a table, by session and by ticker."""

from collections import defaultdict
from datetime import date, timedelta
from functools import cache

from quant_platform_tests.support.polygon_server.bars import Bars
from quant_platform_tests.support.polygon_server.listings import Listed, Row, day_of, listed


class FrameBars:
    """Bars of a table."""

    def __init__(self, rows: list[Row]) -> None:
        self._by_session: dict[date, list[Row]] = defaultdict(list)
        self._by_symbol: dict[str, dict[date, Row]] = defaultdict(dict)
        for row in rows:
            self._by_session[day_of(row["date"])].append(row)
        self.sessions = tuple(sorted(self._by_session))
        for session in self.sessions:
            for row in self._by_session[session]:
                # Of rows that share day and ticker the first one counts, as in `Bars.row`.
                self._by_symbol[row["symbol"]].setdefault(session, row)
        self.bars = cache(self._bars)

    def history(self, symbol: str, first: date, last: date) -> list[Row]:
        rows = [
            Bars.from_rows(session, [row]).row(symbol)
            for session, row in self._by_symbol.get(symbol, {}).items()
            if first <= session <= last
        ]
        return [row for row in rows if row]

    def close_before(self, symbol: str, day: date) -> float | None:
        rows = self._by_symbol.get(symbol, {}).items()
        earlier = [row.get("close") for session, row in rows if session < day]
        return earlier[-1] if earlier else None

    def listings(self) -> tuple[Listed, ...]:
        """One listing a symbol, from its first bar to its last."""
        end = self.sessions[-1] if self.sessions else None
        listings = []
        for symbol, rows in sorted(self._by_symbol.items()):
            first, last = min(rows), max(rows)
            gone = {} if last == end else {"last": last, "delisted": last + timedelta(days=1)}
            listings.append(listed({"symbol": symbol, "first": first, "list_date": first, **gone}))
        return tuple(listings)

    def _bars(self, session: date) -> Bars:
        return Bars.from_rows(session, self._by_session.get(session, []))
