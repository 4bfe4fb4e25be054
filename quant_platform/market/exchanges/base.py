"""`Exchange`: the facts that a calendar is made of."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, eq=False)
class Exchange:
    """When an exchange is closed, and when its trading ends.

    Attributes
    ----------
    name : market identifier code (ISO 10383), such as XNYS
    title : its name within a sentence, such as "the New York Stock Exchange"
    zone : time zone of its clock
    listed : first and last day for which closures are listed
    first, last : first and last day that a user may ask for; a look-back from `first` may go
        further back, as far as closures are listed
    closures : weekdays without trading, ascending
    usual_closes : first day and time of each usual closing time, ascending
    early_closes : sessions that end earlier, with their closing time, ascending
    """

    name: str
    title: str
    zone: ZoneInfo
    listed: tuple[date, date]
    first: date
    last: date
    closures: tuple[date, ...]
    usual_closes: tuple[tuple[date, time], ...]
    early_closes: Mapping[date, time]

    def usual_close(self, day: date) -> time:
        """When trading usually ended at the time of `day`, on the exchange's clock."""
        place = bisect_right(self.usual_closes, day, key=lambda change: change[0])
        return self.usual_closes[max(place - 1, 0)][1]
