"""Flat files: day aggregates as an S3 bucket shows them, ListObjectsV2 and GetObject alone.

The key id of the request's signature is looked at, the signature is not verified. A file stands in
the bucket from 11:00 New York of the day after its session; an edit of the market replaces it.
"""

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from quant_platform_tests.support.polygon_server.answers import Answer, Request
from quant_platform_tests.support.polygon_server.bars import Bars, midnight_ms
from quant_platform_tests.support.polygon_server.calls import Call
from quant_platform_tests.support.polygon_server.served_market import ServedMarket

BUCKET = "flatfiles"
COLUMNS = "ticker,volume,open,close,high,low,window_start,transactions"
READY = timedelta(hours=24 + 11)
"""After the midnight (New York) that begins a session."""

NANOSECONDS = 1_000_000
"""In a millisecond."""

_KEY = re.compile(r"us_stocks_sip/day_aggs_v1/\d{4}/\d{2}/(\d{4}-\d{2}-\d{2})\.csv\.gz")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/")


@dataclass
class FlatFiles:
    """The bucket of one market; `key_id` is the access key that may read it."""

    market: ServedMarket
    key_id: str
    _files: dict[tuple[date, int], bytes] = field(default_factory=dict)

    def serves(self, path: str) -> bool:
        return path == f"/{BUCKET}" or path.startswith(f"/{BUCKET}/")

    def authorised(self, headers: Mapping[str, str]) -> bool:
        match = _CREDENTIAL.search(headers.get("authorization", ""))
        return match is not None and match.group(1) == self.key_id

    def answer(self, call: Call) -> Answer:
        request = call.request
        if not self.authorised(request.headers):
            return _error(403, "InvalidAccessKeyId", "The access key does not exist.")
        if not call.plan.flat_files:
            return _error(403, "AccessDenied", "Access Denied.")
        key = request.path.removeprefix(f"/{BUCKET}").strip("/")
        return self._object(call, key) if key else self._listing(call)

    def _object(self, call: Call, key: str) -> Answer:
        match = _KEY.fullmatch(key)
        session = date.fromisoformat(match.group(1)) if match else None
        if session and session < call.plan.oldest(call.today):
            return _error(403, "AccessDenied", "Access Denied.")
        if session is None or session not in self._ready(call):
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        content = self._file(session)
        headers = {
            "ETag": _etag(content),
            "Last-Modified": format_datetime(self._modified(call, session), usegmt=True),
            "Accept-Ranges": "bytes",
        }
        if call.request.headers.get("if-none-match") == headers["ETag"]:
            return Answer(304, headers=headers)
        return _ranged(call.request, Answer(200, content, "binary/octet-stream", headers))

    def _listing(self, call: Call) -> Answer:
        params = call.params
        start = params.get("continuation-token") or params.get("start-after") or ""
        prefix, most = params.get("prefix", ""), int(params.get("max-keys", 1000))
        keys = {_key(session): session for session in self._ready(call)}
        wanted = sorted(key for key in keys if key.startswith(prefix) and key > start)
        page, more = wanted[:most], len(wanted) > most
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>"
            f"{self._modified(call, keys[key]):%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(_etag(self._file(keys[key])))}</ETag>"
            f"<Size>{len(self._file(keys[key]))}</Size><StorageClass>STANDARD</StorageClass>"
            "</Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        return _xml(
            200,
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>",
        )

    def _ready(self, call: Call) -> set[date]:
        plan = replace(call.plan, published_after=READY)
        return {
            session
            for session in self.market.sessions
            if session not in call.withheld and plan.published_at(session) <= call.now
        }

    def _modified(self, call: Call, session: date) -> datetime:
        return replace(call.plan, published_after=READY).published_at(session).astimezone(UTC)

    def _file(self, session: date) -> bytes:
        key = (session, self.market.revision(session))
        if key not in self._files:
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS.split(","))
            writer.writerows(_lines(self.market.bars(session)))
            self._files[key] = gzip.compress(text.getvalue().encode(), 1, mtime=0)
        return self._files[key]


def _lines(bars: Bars) -> Iterator[tuple[object, ...]]:
    start = midnight_ms(bars.session) * NANOSECONDS
    for i, symbol in enumerate(bars.symbol):
        yield (
            symbol,
            f"{bars.volume[i]:.0f}",
            *(float(column[i]) for column in (bars.open, bars.close, bars.high, bars.low)),
            start,
            f"{bars.trades[i]:.0f}" if bars.trades[i] == bars.trades[i] else "",
        )


def _ranged(request: Request, answer: Answer) -> Answer:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not match:
        return answer
    content = answer.content
    start, end = int(match.group(1)), int(match.group(2) or len(content) - 1)
    part = content[start : end + 1]
    span = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    return replace(answer, status=206, body=part, headers={**answer.headers, "Content-Range": span})


def _key(session: date) -> str:
    return f"us_stocks_sip/day_aggs_v1/{session:%Y/%m}/{session}.csv.gz"


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _error(status: int, code: str, message: str) -> Answer:
    return _xml(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>")


def _xml(status: int, text: str) -> Answer:
    return Answer(
        status, f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode(), "application/xml"
    )
