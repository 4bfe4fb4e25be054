"""All pages of an endpoint, with a guard against answers that never end.

Each page names the next in `next_url`, whose cursor holds all parameters. The vendor has repeated a
cursor for ever, left `results` out of the last page, and repeated rows with other values on later
pages. Sending a request does not belong here: see `transport.py`.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import UTC, datetime

from quant_platform.errors import BadAnswerError
from quant_platform.vendors.polygon.times import moment
from quant_platform.vendors.polygon.transport import Client, Params, where

PAGE_CAP = 500
"""Pages of one answer; all tickers that ever traded are about 40."""

Row = dict[str, object]


def pages(
    client: Client,
    path: str,
    params: Params | None = None,
    *,
    cap: int = PAGE_CAP,
    stop: threading.Event | None = None,
) -> Iterator[list[Row]]:
    """Rows of an endpoint, one list a page.

    Raises
    ------
    BadAnswerError
        A cursor comes back, there are more than `cap` pages, or a link leads to another host.
    """
    seen: set[str] = set()
    body = client.document(path, params, stop)
    while True:
        yield rows_of(body, path)
        link = body.get("next_url")
        if not link:
            return
        following = client.address.path_of(link)
        if following in seen:
            raise BadAnswerError(
                f"Polygon's pages go round in a circle after {len(seen) + 1}: {where(path)}",
                "A known fault of the vendor; try again later",
            )
        seen.add(following)
        if len(seen) >= cap:
            raise BadAnswerError(
                f"Polygon's answer has more than {cap} pages: {where(path)}",
                "Ask for a shorter range of days",
            )
        body = client.document(following, stop=stop)


def all_rows(client: Client, path: str, params: Params | None = None) -> list[Row]:
    """Rows of all pages; raises as `pages` does."""
    return [row for page in pages(client, path, params) for row in page]


def rows_of(body: dict[str, object], path: str) -> list[Row]:
    """`results` of a page; none where it is missing.

    Raises
    ------
    BadAnswerError
        It is not a list of objects.
    """
    rows = body.get("results")
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswerError(f"Polygon's `results` is not a list of objects: {where(path)}")
    return rows


def newest(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[Row]:
    """One row a key: the one updated last, and of several such the one that came last."""
    newest_rows: dict[Hashable, Row] = {}
    for row in rows:
        name = key(row)
        if name not in newest_rows or _updated(row) >= _updated(newest_rows[name]):
            newest_rows[name] = row
    return list(newest_rows.values())


def _updated(row: Row) -> datetime:
    return moment(row.get("last_updated_utc")) or datetime.min.replace(tzinfo=UTC)
