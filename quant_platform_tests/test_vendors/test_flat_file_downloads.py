"""Flat files over S3, from a server of moto on loopback: order, absence, cuts, a broken line."""

import gzip
import json
import threading
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from zoneinfo import ZoneInfo

import boto3
import pytest
from moto.core import set_initial_no_auth_action_count
from moto.server import ThreadedMotoServer

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
from quant_platform.settings import Secret
from quant_platform.vendors.answers import SessionBars
from quant_platform.vendors.polygon import file_bodies, flat_files
from quant_platform.vendors.polygon.clock import StoppedError
from quant_platform.vendors.polygon.flat_files import FlatFiles, file_path, parse_bars
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform_tests.test_vendors.flat_file_stub import (
    SESSION,
    row,
    symbols,
    text,
)

NEW_YORK = ZoneInfo("America/New_York")

SECRET = "wJalrXUtnFEMI-K7MDENG"


# --- Over S3 --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bucket:
    """The vendor's bucket on a server of this process."""

    client: Any
    settings: PolygonSettings

    def put(self, session: date, body: bytes) -> str:
        answer = self.client.put_object(Bucket="flatfiles", Key=file_path(session), Body=body)
        return str(answer["ETag"]).strip('"')

    def files(self, today: date = date(2024, 2, 1), **changes: Any) -> FlatFiles:
        """Flat files as they are read at noon of `today`."""
        noon = datetime(today.year, today.month, today.day, 12, tzinfo=NEW_YORK)
        return FlatFiles(self.settings.model_copy(update=changes), lambda: noon)


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = PolygonSettings(
        s3_endpoint=f"http://{host}:{port}",
        s3_key_id=Secret("AKIAIOSFODNN7EXAMPLE"),
        s3_secret=Secret(SECRET),
    )
    yield Bucket(FlatFiles(settings)._client, settings)
    server.stop()


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    # The server looks at AWS's configuration too, and whoever runs the tests may have one.
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = server.client
    client.create_bucket(Bucket="flatfiles")
    yield server
    for file in client.list_objects_v2(Bucket="flatfiles").get("Contents", ()):
        client.delete_object(Bucket="flatfiles", Key=file["Key"])
    client.delete_bucket_policy(Bucket="flatfiles")
    client.delete_bucket(Bucket="flatfiles")


def failure(files: FlatFiles, session: date = SESSION) -> VendorError:
    """Return the error of asking for `session`, having looked for the secret in all of its text."""
    with pytest.raises(VendorError) as caught:
        files.bars(session)
    written = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert SECRET not in written
    assert "AKIAIOSFODNN7EXAMPLE" not in written
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_path_is_the_documented_one() -> None:
    assert file_path(date(2019, 8, 13)) == "us_stocks_sip/day_aggs_v1/2019/08/2019-08-13.csv.gz"


def test_both_keys_turn_flat_files_on() -> None:
    plain = PolygonSettings()
    assert not FlatFiles(plain).configured
    assert FlatFiles(PolygonSettings(s3_key_id=Secret("id"), s3_secret=Secret("x"))).configured
    error = failure(FlatFiles(plain))
    assert isinstance(error, KeyMissingError)
    assert "POLYGON_S3_KEY_ID" in error.hint


def test_a_file_is_fetched_with_its_etag(bucket: Bucket) -> None:
    etag = bucket.put(SESSION, gzip.compress(text(row("A"), row("B"))))
    answer = bucket.files().bars(SESSION)
    assert symbols(answer.bars) == ["A", "B"]
    assert answer.etag == etag == bucket.files().etag(SESSION)


def test_a_replaced_file_is_noticed(bucket: Bucket) -> None:
    files = bucket.files()
    assert files.etag(SESSION) is None
    bucket.put(SESSION, gzip.compress(text(row("A"))))
    before = files.bars(SESSION)
    bucket.put(SESSION, gzip.compress(text(row("A", close="12"))))
    assert files.etag(SESSION) not in (None, before.etag)
    after = files.bars(SESSION)
    assert (after.etag, list(after.bars["close_price"])) == (files.etag(SESSION), [12.0])


def test_another_file_with_a_longer_name_is_not_the_session_s(bucket: Bucket) -> None:
    key = file_path(SESSION) + ".old"
    bucket.client.put_object(Bucket="flatfiles", Key=key, Body=b"x")
    assert bucket.files().etag(SESSION) is None


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_a_stream_keeps_the_order(bucket: Bucket, connections: int) -> None:
    sessions = [SESSION + timedelta(days=days) for days in (2, 0, 1, 6, 7)]
    for session in sessions:
        # 05:00 UTC, midnight in New York in winter.
        start = int(datetime(session.year, session.month, session.day, 5, tzinfo=UTC).timestamp())
        name = f"S{session.day}"
        bucket.put(session, gzip.compress(text(row(name, start=start * 1_000_000_000))))
    answers = list(bucket.files().stream(sessions, connections))
    assert [answer.session for answer in answers] == sessions
    assert [symbols(answer.bars) for answer in answers] == [[f"S{day.day}"] for day in sessions]


def test_a_stream_yields_what_comes_before_a_failure(bucket: Bucket) -> None:
    bucket.put(SESSION, gzip.compress(text(row("A"))))
    stream = bucket.files().stream([SESSION, date(2024, 1, 31)], 2)
    assert symbols(next(stream).bars) == ["A"]
    with pytest.raises(NotPublishedError):
        next(stream)


def test_a_stream_without_sessions_ends() -> None:
    files = FlatFiles(PolygonSettings(s3_key_id=Secret("id"), s3_secret=Secret("x")))
    assert list(files.stream([], 4)) == []


def test_a_stream_that_is_left_asks_for_no_more(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    files = bucket.files()

    def bars(session: date, stop: threading.Event | None = None) -> SessionBars:
        asked.append(session)
        return parse_bars(text(), session)

    monkeypatch.setattr(files, "bars", bars)
    days = [SESSION + timedelta(days=day) for day in range(50)]
    stream = cast("Generator[SessionBars]", files.stream(days, 2))
    next(stream)
    stream.close()
    # One that was given, one that was next, and those that were under way when the consumer left.
    assert len(asked) <= 4


def test_a_download_that_nobody_wants_is_given_up(bucket: Bucket) -> None:
    bucket.put(SESSION, gzip.compress(text(*map(row, "ABCDEF"))))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        bucket.files().bars(SESSION, stop)


def test_a_file_beyond_measure_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits, made small: bytes as they are sent, and bytes unpacked."""
    bucket.put(SESSION, gzip.compress(text(*map(row, "ABCDEF"))))
    monkeypatch.setattr(file_bodies, "LARGEST_BODY", 100)
    assert "more than 100 bytes, unpacked" in failure(bucket.files()).message
    monkeypatch.setattr(file_bodies, "LARGEST_SENT", 10)
    assert "has no end" in failure(bucket.files()).message


@pytest.mark.parametrize(
    ("age", "kind"),
    [(-1, NotPublishedError), (0, NotPublishedError), (5, NotPublishedError), (6, NotFoundError)],
)
def test_a_missing_file_is_pending_while_it_is_recent(
    bucket: Bucket, age: int, kind: type[VendorError]
) -> None:
    error = failure(bucket.files(today=SESSION + timedelta(days=age)))
    assert type(error) is kind
    assert "2024-01-02" in error.message


def test_the_day_of_a_missing_file_is_new_york_s(bucket: Bucket) -> None:
    # In UTC it is the sixth day already, in New York still the fifth.
    late = datetime(2024, 1, 8, 4, 59, tzinfo=UTC)
    assert isinstance(failure(FlatFiles(bucket.settings, lambda: late)), NotPublishedError)
    later = late + timedelta(minutes=1)
    assert isinstance(failure(FlatFiles(bucket.settings, lambda: later)), NotFoundError)


def test_a_missing_bucket_is_a_setting(bucket: Bucket) -> None:
    error = failure(bucket.files(s3_bucket="other-bucket"))
    assert isinstance(error, BadRequestError)
    assert "POLYGON_S3_BUCKET" in error.hint


@pytest.mark.parametrize("cut", [0.3, 0.999])
def test_a_cut_file_is_a_bad_answer(bucket: Bucket, cut: float) -> None:
    whole = gzip.compress(text(*(row(f"T{number}") for number in range(2000))))
    bucket.put(SESSION, whole[: int(len(whole) * cut)])
    error = failure(bucket.files())
    assert isinstance(error, BadAnswerError)
    assert "not a whole gzip file" in error.message


@pytest.mark.parametrize("rows", [[], [row("")]])
def test_a_file_without_a_bar_is_a_bad_answer(bucket: Bucket, rows: list[str]) -> None:
    bucket.put(SESSION, gzip.compress(text(*rows)))
    error = failure(bucket.files())
    assert isinstance(error, BadAnswerError)
    assert f"no row that can be used: {len(rows)} rows" in error.message


@pytest.mark.parametrize("body", [b"<html>", text(row("A"))], ids=["html", "plain text"])
def test_what_is_not_gzip_is_a_bad_answer(bucket: Bucket, body: bytes) -> None:
    bucket.put(SESSION, body)
    assert isinstance(failure(bucket.files()), BadAnswerError)


def test_a_file_outside_the_plan_is_history(bucket: Bucket) -> None:
    bucket.put(SESSION, gzip.compress(text(row("A"))))
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::flatfiles/{file_path(SESSION)}",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket="flatfiles", Policy=policy)
    error = failure(bucket.files())
    assert isinstance(error, HistoryError)
    assert "2024-01-02" in error.message


def test_keys_that_the_vendor_does_not_know_are_refused(bucket: Bucket) -> None:
    iam = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=bucket.settings.s3_endpoint,
        aws_access_key_id="anybody",
        aws_secret_access_key=SECRET,
    )
    iam.create_user(UserName="reader")
    key_id = iam.create_access_key(UserName="reader")["AccessKey"]["AccessKeyId"]
    with_authorization: Any = set_initial_no_auth_action_count(0)
    unknown = with_authorization(failure)(bucket.files())
    wrong_secret = with_authorization(failure)(bucket.files(s3_key_id=Secret(key_id)))
    for error in (unknown, wrong_secret):
        assert isinstance(error, KeyRefusedError)
        assert "POLYGON_S3_SECRET" in error.hint


# --- Faults of the line ---------------------------------------------------------------------------


@dataclass
class Line:
    """A server that gives one answer to everything, and notes what it was asked."""

    status: int = 200
    body: bytes = b""
    length: int | None = None
    url: str = ""
    paths: list[str] = field(default_factory=list)

    def files(self) -> FlatFiles:
        return FlatFiles(
            PolygonSettings(s3_endpoint=self.url, s3_key_id=Secret("id"), s3_secret=Secret(SECRET))
        )


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    told = Line()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.paths.append(self.path)
            self.send_response(told.status)
            self.send_header("Content-Length", str(told.length or len(told.body)))
            self.send_header("ETag", '"v1"')
            self.end_headers()
            self.wfile.write(told.body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    # A second attempt would wait.
    monkeypatch.setattr(flat_files, "ATTEMPTS", 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_configuration_of_aws_matters(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", line.url)
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    line.body = gzip.compress(text(row("A")))
    assert symbols(line.files().bars(SESSION).bars) == ["A"]
    assert line.paths == [f"/flatfiles/{file_path(SESSION)}"]


def error_body(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, error_body("InvalidAccessKeyId"), KeyRefusedError),
        (403, error_body("SignatureDoesNotMatch"), KeyRefusedError),
        (401, error_body("Unauthorized"), KeyRefusedError),
        (401, b"", KeyRefusedError),
        (403, error_body("AccessDenied"), HistoryError),
        (403, b"", HistoryError),
        (403, error_body("RequestTimeTooSkewed"), BadRequestError),
        (400, error_body("AuthorizationHeaderMalformed"), BadRequestError),
        # What a website answers that is no S3: not a file that is missing.
        (404, b"<html><body>Not found</body></html>", BadRequestError),
        (429, error_body("TooManyRequests"), RateLimitError),
        (503, error_body("SlowDown"), RateLimitError),
        (500, error_body("InternalError"), VendorDownError),
        (502, b"<html><body>Bad gateway</body></html>", VendorDownError),
        (504, b"", VendorDownError),
        (200, b"<html><body>Sign in</body></html>", BadAnswerError),
    ],
)
def test_every_answer_has_its_error(
    line: Line, status: int, body: bytes, kind: type[VendorError]
) -> None:
    line.status, line.body = status, body
    error = failure(line.files())
    assert type(error) is kind
    assert error.hint


def test_a_file_that_breaks_off_is_fetched_again(line: Line) -> None:
    body = gzip.compress(text(row("A")))
    line.body, line.length = body[:20], len(body)
    error = failure(line.files())
    assert isinstance(error, VendorDownError)
    assert "breaks off" in error.message
    assert len(line.paths) == flat_files.BODY_ATTEMPTS


def test_a_listing_that_is_html_is_a_fault(line: Line) -> None:
    line.body = b"<html><body>Sign in</body>"
    with pytest.raises(VendorDownError):
        line.files().etag(SESSION)


def test_nobody_at_the_endpoint_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat_files, "ATTEMPTS", 1)
    line = Line(url="http://127.0.0.1:1")
    error = failure(line.files())
    assert isinstance(error, VendorDownError)
    assert "POLYGON_S3_ENDPOINT" in error.hint
