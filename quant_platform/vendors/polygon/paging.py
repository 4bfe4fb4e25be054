"""All pages of an endpoint, with a guard against answers that never end.

Each page names the next in `next_url`, whose cursor holds all parameters. The vendor has repeated a
cursor for ever, left `results` out of the last page, and repeated rows with other values on later
pages. Sending a request does not belong here: see `transport.py`.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import UTC, datetime

from quant_platform.errors import BadAnswerError, NotFoundError
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
        A cursor comes back, there are more than `cap` pages, a page is missing, a link leads to
        another host, or the rows are not adjusted as was asked for.
    NotFoundError
        The vendor knows nothing of what is asked for.
    """
    seen: set[str] = set()
    asked = (params or {}).get("adjusted")
    body = client.document(path, params, stop)
    while True:
        if asked is not None:
            refuse_other_adjustment(body, asked == "true", where(path))
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
        try:
            body = client.document(following, stop=stop)
        except NotFoundError as error:
            # Not "nothing is known": the rows so far would pass for all there are.
            raise BadAnswerError(
                f"Polygon lost page {len(seen) + 1} of its answer: {where(path)}", "Try again later"
            ) from error


def all_rows(client: Client, path: str, params: Params | None = None) -> list[Row]:
    """Rows of all pages; raises as `pages` does."""
    return [row for page in pages(client, path, params) for row in page]


def refuse_other_adjustment(body: dict[str, object], adjusted: bool, what: str) -> None:
    """Refuse bars that the vendor says are adjusted for splits where raw ones were asked for.

    The other way round, too. An answer that says nothing of it is believed.

    Raises
    ------
    BadAnswerError
        The answer is of the other kind.
    """
    if body.get("adjusted") is (not adjusted):
        sent, wanted = ("raw", "adjusted") if adjusted else ("adjusted", "raw")
        raise BadAnswerError(
            f"Polygon sends {sent} bars where {wanted} ones were asked for: {what}",
            "Try again later; if it stays so, ask the vendor",
        )


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
