"""JSON of the vendor as Python's values; what one value has wrong costs its row and not the answer.

The quick reader refuses a whole answer for a number beyond all doubles, for Infinity, an integer of
thousands of digits, half a surrogate or a broken byte. Such an answer is read again by a reader
that lets them through, as infinity or as �, and the row is refused where it is looked at.
"""

import json

import msgspec

LONGEST_INTEGER = 30
"""Digits up to which an integer is one; a longer one is taken for a float."""


def read_json(text: bytes | memoryview) -> object:
    """Return the document.

    Raises
    ------
    ValueError
        It is no JSON.
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        return _read_as_it_is(bytes(text))


def _read_as_it_is(text: bytes) -> object:
    try:
        document: object = json.loads(text.decode("utf-8", "replace"), parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)
