"""Facts of the exchanges: when each of them is closed, and when its trading ends.

`exchange_of(name)` knows XNYS by rules (`xnys.py`) and whatever else from answer files, one a
market identifier code (ISO 10383), which `answer_files.py` reads. What does not belong here:
questions about sessions, which `market/calendar.py` answers.
"""

from functools import lru_cache

from quant_platform.errors import UnknownNameError
from quant_platform.market.exchanges import answer_files, xnys
from quant_platform.market.exchanges.base import Exchange

__all__ = ["Exchange", "exchange_names", "exchange_of"]


def exchange_names() -> list[str]:
    """Names of all exchanges that have a calendar, ascending."""
    return sorted({xnys.NAME, *answer_files.names()})


@lru_cache(maxsize=32)
def exchange_of(name: str) -> Exchange:
    """Return the facts of an exchange.

    Raises
    ------
    UnknownNameError
        There is no calendar of that name; the message lists those that there are.
    """
    if name == xnys.NAME:
        return xnys.exchange()
    if name not in answer_files.names():
        raise UnknownNameError(
            f"There is no calendar of an exchange {name!r}",
            f"Choose from: {', '.join(exchange_names())}",
        )
    return answer_files.exchange(name)
