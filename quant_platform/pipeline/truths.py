"""What is planted in a generated market, from the vendor that made it."""

from collections.abc import Iterator, Sequence
from datetime import date

from quant_platform.errors import VendorError
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.platform import Platform


def truth_chunks(platform: Platform, sessions: Sequence[str]) -> Iterator[Chunk]:
    """All that is planted in the sessions, one chunk for consecutive ones.

    Raises
    ------
    VendorError
        The vendor made no market.
    """
    vendor = platform.vendor.abilities.truths
    if vendor is None:
        raise VendorError(f"The vendor {platform.vendor.name!r} plants nothing in its market")
    days = [date.fromisoformat(session) for session in sessions]
    for stretch in platform.calendar.consecutive(days):
        keys = [day.isoformat() for day in stretch]
        yield Chunk(keys, {"planted_truths": vendor.planted_truths(stretch[0], stretch[-1])})
