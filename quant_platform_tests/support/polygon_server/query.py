"""Filters, order and pages over rows, as the vendor's table endpoints share them.

Older families say `sort=field&order=desc`, newer ones `sort=field.desc,other.asc` and `.any_of`. A
page that is not the last carries a cursor: opaque base64 of all parameters and of where to go on.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode

from quant_platform_tests.support.polygon_server.answers import (
    Answer,
    Refused,
    bad_request,
    ok,
    request_id,
)
from quant_platform_tests.support.polygon_server.calls import Call
from quant_platform_tests.support.polygon_server.listings import Row

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, limit: bool(value == limit),
    ".gt": lambda value, limit: bool(value > limit),
    ".gte": lambda value, limit: bool(value >= limit),
    ".lt": lambda value, limit: bool(value < limit),
    ".lte": lambda value, limit: bool(value <= limit),
}

OFFSET = "page_marker"


def day(text: str) -> str:
    """Read a day; days compare as ISO text."""
    return date.fromisoformat(text).isoformat()


def moment(text: str) -> str:
    """Read a day or a date and time as UTC text, as rows hold it."""
    parsed = datetime.fromisoformat(text)
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Table:
    """What an endpoint's rows may be asked by.

    Attributes
    ----------
    fields : fields to filter and sort by, with the function that reads a parameter's text
    sort : default order, in the newer words
    limit, most : default and largest number of rows of a page
    modern : whether it is of the newer families
    counted : whether the envelope has `count`
    """

    fields: Mapping[str, Callable[[str], Any]]
    sort: str
    limit: int = 10
    most: int = 1000
    modern: bool = False
    counted: bool = False
    sortable: tuple[str, ...] = field(default=())


def answer_table(call: Call, rows: Iterable[Row], table: Table, params: Row) -> Answer:
    """Return the page that `params` (of `unfold`) ask for."""
    chosen = _chosen(list(rows), table, params)
    if "search" not in params:
        chosen = _ordered(chosen, table, params)
    start, limit = int(params.get(OFFSET, 0)), _limit(table, params)
    page = chosen[start : start + limit]
    body: Row = {"results": page, "status": "OK", "request_id": request_id()}
    if table.counted:
        body["count"] = len(page)
    if start + limit < len(chosen):
        body["next_url"] = call.next_url(
            call.request.path, fold({**params, OFFSET: str(start + limit)})
        )
    return ok(body)


def unfold(params: Row) -> Row:
    """Return the parameters that a cursor carries, or `params` themselves without one."""
    if "cursor" not in params:
        return {name: text for name, text in params.items() if name not in ("apiKey", OFFSET)}
    try:
        padded = params["cursor"] + "=" * (-len(params["cursor"]) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        return dict(parse_qsl(text, strict_parsing=True))
    except (binascii.Error, ValueError):
        raise Refused(bad_request("'cursor' is not one of this server's")) from None


def fold(params: Row) -> str:
    """Return a cursor that carries `params`."""
    return base64.urlsafe_b64encode(urlencode(sorted(params.items())).encode()).decode().rstrip("=")


def limit_of(params: Row, default: int, most: int) -> int:
    """Read `limit`."""
    text = str(params.get("limit", default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Refused(bad_request(f"'limit' must be a whole number from 1 to {most}"))
    return int(text)


def _limit(table: Table, params: Row) -> int:
    return limit_of(params, table.limit, table.most)


def _chosen(rows: list[Row], table: Table, params: Row) -> list[Row]:
    for name, read in table.fields.items():
        for suffix, holds in COMPARISONS.items():
            if name + suffix in params:
                limit = _read(read, name, params[name + suffix])
                rows = [row for row in rows if name in row and holds(row[name], limit)]
        if table.modern and f"{name}.any_of" in params:
            wanted = {_read(read, name, text) for text in params[f"{name}.any_of"].split(",")}
            rows = [row for row in rows if row.get(name) in wanted]
    return rows


def _read(read: Callable[[str], Any], name: str, text: str) -> Any:
    try:
        return read(text)
    except ValueError:
        raise Refused(bad_request(f"'{name}' cannot be {json.dumps(text)}")) from None


def _ordered(rows: list[Row], table: Table, params: Row) -> list[Row]:
    for name, direction in reversed(_orders(table, params)):
        if name not in (table.sortable or table.fields) or direction not in ("asc", "desc"):
            raise Refused(bad_request(f"cannot sort by '{name}.{direction}'"))
        # Rows without the field stand last, whichever way the others go.
        having = [row for row in rows if name in row]
        having.sort(key=itemgetter(name), reverse=direction == "desc")
        rows = having + [row for row in rows if name not in row]
    return rows


def _orders(table: Table, params: Row) -> Sequence[tuple[str, str]]:
    default_name, _, default_direction = table.sort.partition(".")
    if table.modern:
        texts = params.get("sort", table.sort).split(",")
        return [(name, way or "asc") for name, _, way in (text.partition(".") for text in texts)]
    return [(params.get("sort", default_name), params.get("order", default_direction))]
