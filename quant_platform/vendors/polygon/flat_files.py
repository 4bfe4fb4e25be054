"""Daily bars from the vendor's flat files: one gzip-compressed CSV a session, over S3.

For bulk backfills on plans that have them. A file holds every ticker of the session, unadjusted and
without VWAP; it appears around 11:00 in New York on the next day, and a published one may be
replaced later, which changes its ETag. What belongs here: fetching, parsing, explaining failures.
Rows that are not bars of the session are returned as `refused`:

1. rows without a ticker, and rows whose window starts on another day in New York;
2. of several rows of one ticker, those that differ from the one with the largest volume (the file
   of 2019-08-13 has such rows); rows that repeat another one to the letter are the same row.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from quant_platform.errors import (
    BadAnswerError,
    BadRequestError,
    HistoryError,
    KeyMissingError,
    KeyRefusedError,
    NotFoundError,
    NotPublishedError,
    RateLimitError,
    VendorDownError,
    VendorError,
)
from quant_platform.vendors.answers import SessionBars
from quant_platform.vendors.polygon.clock import StoppedError
from quant_platform.vendors.polygon.file_bodies import read_body, unpacked
from quant_platform.vendors.polygon.key import import_boto3
from quant_platform.vendors.polygon.prefetch import in_order
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.polygon.times import bounds, today

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SOURCE = "polygon flat file"

NANOSECONDS = 1_000_000
"""In a millisecond."""

RECENT = timedelta(days=5)
"""A missing file is not published yet up to this age, and will never be beyond it."""

CONNECT_SECONDS = 10
READ_SECONDS = 60

ATTEMPTS = 5
"""Requests for one answer, with growing pauses, before the vendor counts as down."""

BODY_ATTEMPTS = 3
"""Downloads of one file that break off before the vendor counts as down."""

REGION = "us-east-1"
"""The vendor has none; the signature needs one."""

NO_TICKER = "no ticker"
OTHER_DAY = "window_start is on another day"
DUPLICATE = "the ticker has another row, with at least this volume"

_COLUMNS = {
    "ticker": "symbol",
    "volume": "volume",
    "open": "open_price",
    "close": "close_price",
    "high": "high_price",
    "low": "low_price",
    "window_start": "date",
    "transactions": "trade_count",
}
"""Columns of the file, and what the platform calls them."""

_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "Unauthorized", "401"}


class FlatFiles:
    """The flat files of the plan that the settings' S3 keys belong to.

    Parameters
    ----------
    settings : endpoint, bucket and keys
    now : in place of the machine's time, for tests
    """

    def __init__(
        self, settings: PolygonSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now

    @property
    def configured(self) -> bool:
        """Whether the settings hold keys for flat files."""
        return self._settings.has_flat_files

    def stream(self, sessions: Sequence[date], connections: int) -> Iterator[SessionBars]:
        """Answers for `sessions`, in their order, `connections` of them fetched at once.

        Raises
        ------
        VendorError
            As `bars`, on reaching the session; earlier ones were yielded.
        """
        import pandas  # noqa: F401 — it and the client are made once, and not by several threads

        _ = self._client
        yield from in_order(self.bars, sessions, connections)

    def bars(self, session: date, stop: threading.Event | None = None) -> SessionBars:
        """Bars of `session`, with the ETag of their file; given up when `stop` is set.

        Raises
        ------
        NotPublishedError, NotFoundError
            There is no such file: yet, or at all.
        HistoryError
            The plan does not include it.
        KeyMissingError, KeyRefusedError
            There are no keys, or the vendor does not know them.
        BadAnswerError
            The file is broken, not what its documentation promises, or without a single bar.
        VendorDownError, RateLimitError, BadRequestError
            The file cannot be had.
        StoppedError
            `stop` was set.
        """
        body, etag = self._download(session, stop)
        content = unpacked(body, session)
        answer = parse_bars(content, session, etag)
        if answer.bars.empty:
            reasons = ", ".join(sorted(set(answer.refused["reason"])))
            raise BadAnswerError(
                f"The flat file of {session} has no row that can be used:"
                f" {len(answer.refused)} rows{reasons and ', '}{reasons}",
                "Try again later; if it stays so, ask the vendor",
            )
        return answer

    def etag(self, session: date) -> str | None:
        """ETag of the file of `session` as it is now, None where there is none.

        Raises
        ------
        VendorError
            As `bars`.
        """
        path = file_path(session)
        # A refused listing has a body with the reason; a refused HEAD request has none.
        answer = self._ask("list_objects_v2", session, Prefix=path, MaxKeys=1)
        for file in answer.get("Contents", ()):
            if file["Key"] == path:
                return _plain_etag(file["ETag"])
        return None

    def _download(self, session: date, stop: threading.Event | None) -> tuple[bytes, str]:
        from botocore.exceptions import BotoCoreError

        for _ in range(BODY_ATTEMPTS):
            if stop is not None and stop.is_set():
                raise StoppedError
            answer = self._ask("get_object", session, Key=file_path(session))
            try:
                return read_body(answer["Body"], session, stop), _plain_etag(answer["ETag"])
            except BotoCoreError:
                continue
        raise VendorDownError(
            f"The flat file of {session} breaks off on its way {BODY_ATTEMPTS} times", "Try later"
        )

    def _ask(self, operation: str, session: date, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        request = getattr(self._client, operation)
        try:
            return request(Bucket=self._settings.s3_bucket, **parameters)
        except (BotoCoreError, ClientError) as error:
            failure = self._explained(error, session)
        # Raised outside the handler: the answer's text may show a key and must not be chained.
        raise failure

    @cached_property
    def _client(self) -> Any:
        key_id, secret = self._settings.s3_key_id, self._settings.s3_secret
        if key_id is None or secret is None:
            raise KeyMissingError(
                "There are no keys for flat files",
                "Set POLYGON_S3_KEY_ID and POLYGON_S3_SECRET in .env",
            )
        boto3 = import_boto3("Reading flat files")
        import botocore.session
        from botocore.config import Config

        # Keys and endpoint come from the settings only: no AWS profile, no metadata service.
        nothing = (None, None, None, None)
        core = botocore.session.Session(
            session_vars=dict.fromkeys(("profile", "config_file", "credentials_file"), nothing)
        )
        return boto3.session.Session(botocore_session=core).client(
            "s3",
            endpoint_url=self._settings.s3_endpoint,
            region_name=REGION,
            aws_access_key_id=key_id.reveal(),
            aws_secret_access_key=secret.reveal(),
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=self._settings.connections,
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                defaults_mode="legacy",  # another mode may ask the metadata service for a region
            ),
        )

    def _explained(self, error: Exception, session: date) -> VendorError:
        """What failed, and what to do, in the project's own words."""
        from botocore.exceptions import ClientError

        place = self._settings.s3_endpoint
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            return self._refused(code, status, session)
        return VendorDownError(
            f"{place} does not answer ({type(error).__name__})",
            "Check the network and POLYGON_S3_ENDPOINT, or try later",
        )

    def _refused(self, code: str, status: int, session: date) -> VendorError:
        file = f"the flat file of {session}"
        if code == "NoSuchBucket":
            return BadRequestError(
                f"There is no bucket {self._settings.s3_bucket!r}", "Check POLYGON_S3_BUCKET"
            )
        if code == "NoSuchKey":
            return self._missing(session)
        if code in _WRONG_KEYS or status == 401:
            return KeyRefusedError(
                "The vendor does not know the keys for flat files",
                "Check POLYGON_S3_KEY_ID and POLYGON_S3_SECRET; they are not the API key",
            )
        if code == "RequestTimeTooSkewed":
            return BadRequestError("The clock of this machine is wrong", "Set it")
        if status == 403:
            return HistoryError(
                f"The plan does not include {file}",
                "It is older than the plan's history, or the plan has no flat files",
            )
        if code == "SlowDown" or status == 429:
            return RateLimitError(f"Too many requests for {file}", "Lower POLYGON_CONNECTIONS")
        if status >= 500:
            return VendorDownError(f"The vendor answers {status} for {file}", "Try later")
        return BadRequestError(
            f"The vendor refuses the request for {file} ({status} {code})",
            "Check POLYGON_S3_ENDPOINT and POLYGON_S3_BUCKET",
        )

    def _missing(self, session: date) -> VendorError:
        if today(self._now()) - session <= RECENT:
            return NotPublishedError(
                f"The flat file of {session} is not published yet",
                "It comes around 11:00 in New York on the next day",
            )
        return NotFoundError(f"There is no flat file of {session}")


def file_path(session: date) -> str:
    """Path of the file of `session` in the bucket."""
    return f"us_stocks_sip/day_aggs_v1/{session:%Y}/{session:%m}/{session}.csv.gz"


def parse_bars(content: bytes, session: date, etag: str = "") -> SessionBars:
    """Bars of `session` from the text of its file.

    Raises
    ------
    BadAnswerError
        Columns are missing, or a value has not the type that the documentation promises.
    """
    rows = _read_csv(content, session).to_pandas()
    reason = _reasons(rows, session)
    if rows["ticker"].duplicated().any():
        rows, reason = _without_duplicates(rows, reason)
    is_good = reason == ""
    refused = rows.assign(reason=reason)[~is_good].reset_index(drop=True)
    return SessionBars(session, _bars(rows[is_good], session), refused, etag)


def _read_csv(content: bytes, session: date) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    types = dict.fromkeys(_COLUMNS, pa.float64())
    types |= {"ticker": pa.string(), "window_start": pa.int64()}
    try:
        # Empty and "NA" are null for numbers only: NA, NAN and TRUE are tickers.
        return csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=types, include_columns=list(types), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise BadAnswerError(
            f"The flat file of {session} is not as documented: {str(error).splitlines()[0]}",
            "Try again later, or leave the flat files out for this session",
        ) from error


def _reasons(rows: "pd.DataFrame", session: date) -> "pd.Series[str]":
    """Why each row is no bar of `session`; empty where it is one."""
    import pandas as pd

    reason = pd.Series("", index=rows.index, dtype="str")
    start, end = (NANOSECONDS * bound for bound in bounds(session))
    reason[~rows["window_start"].between(start, end - 1)] = OTHER_DAY
    reason[rows["ticker"].str.strip() == ""] = NO_TICKER
    return reason


def _without_duplicates(
    rows: "pd.DataFrame", reason: "pd.Series[str]"
) -> tuple["pd.DataFrame", "pd.Series[str]"]:
    """Rows that differ, and the reasons, now of the smaller ones of a ticker as well."""
    rows = rows.drop_duplicates()
    reason = reason[rows.index]
    # The stable order leaves equal volumes as they stand in the file.
    ranked = rows[reason == ""].sort_values("volume", ascending=False, kind="stable")
    reason[ranked.index[ranked["ticker"].duplicated()]] = DUPLICATE
    return rows, reason


def _bars(rows: "pd.DataFrame", session: date) -> "pd.DataFrame":
    """Rows of the file in the platform's columns."""
    import numpy as np

    from quant_platform.vendors.polygon.bars import COLUMNS

    bars = rows.rename(columns=_COLUMNS).reset_index(drop=True)
    bars["date"] = np.datetime64(session, "s")
    bars["vwap"] = np.nan
    bars["source"] = SOURCE
    return bars[list(COLUMNS)]


def _plain_etag(text: str) -> str:
    return text.strip('"')
