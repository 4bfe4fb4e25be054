"""The body of a flat file: read piece by piece and unpacked, within bounds of time and size.

What does not belong here: asking for it, and what its rows mean (`flat_files.py`).
"""

import gzip
import io
import threading
import time
import zlib
from datetime import date
from typing import Any

from quant_platform.errors import BadAnswerError, VendorDownError
from quant_platform.vendors.polygon.clock import StoppedError
from quant_platform.vendors.polygon.exchange import LARGEST_BODY, LARGEST_SENT

FILE_SECONDS = 300.0
"""Seconds that one download of a file may take; a file is half a megabyte."""

PIECE = 64 * 2**10
"""Bytes of a file that are read at once."""


def read_body(body: Any, session: date, stop: threading.Event | None) -> bytes:
    """Read a file piece by piece, up to what a file can hold and the time it may take.

    Parameters
    ----------
    body : stream of botocore

    Raises
    ------
    StoppedError
        `stop` was set.
    BadAnswerError
        The file is larger than one can be.
    VendorDownError
        It takes too long.
    """
    pieces: list[bytes] = []
    size, deadline = 0, time.monotonic() + FILE_SECONDS
    for piece in body.iter_chunks(PIECE):
        pieces.append(piece)
        size += len(piece)
        if stop is not None and stop.is_set():
            raise StoppedError
        if size > LARGEST_SENT:
            raise BadAnswerError(
                f"The flat file of {session} has no end", "Try again later; ask the vendor"
            )
        if time.monotonic() > deadline:
            raise VendorDownError(
                f"The flat file of {session} took more than {FILE_SECONDS:g} s", "Try later"
            )
    return b"".join(pieces)


def unpacked(body: bytes, session: date) -> bytes:
    """Unpack a file.

    Raises
    ------
    BadAnswerError
        It is no whole gzip file, or larger than one can be.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            content = file.read(LARGEST_BODY + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadAnswerError(
            f"The flat file of {session} is not a whole gzip file ({len(body):,} bytes)",
            "Try again later; the vendor replaces broken files",
        ) from error
    if len(content) > LARGEST_BODY:
        raise BadAnswerError(
            f"The flat file of {session} is more than {LARGEST_BODY:,} bytes, unpacked",
            "Try again later; ask the vendor",
        )
    return content
