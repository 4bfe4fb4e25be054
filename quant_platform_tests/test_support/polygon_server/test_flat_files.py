"""Day aggregates as an S3 bucket, asked for as boto3 asks."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import httpx
import pytest

from quant_platform_tests.support.polygon_server import ADVANCED, PolygonServer, SetClock
from quant_platform_tests.test_support.polygon_server.conftest import TUESDAY, Connect

KEY = "/flatfiles/us_stocks_sip/day_aggs_v1/2020/10/2020-10-13.csv.gz"
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test-s3-key/20201016/us-east-1/s3"}

WINDOW_START = 1602561600000000000
"""2020-10-13 00:00 EDT in nanoseconds."""


@pytest.fixture
def bucket(connect: Connect) -> Iterator[tuple[PolygonServer, httpx.Client]]:
    server, client = connect()
    client.headers.update(SIGNED)
    yield server, client


def code(answer: httpx.Response) -> str | None:
    # The answer is this server's own.
    return ElementTree.fromstring(answer.text).findtext("Code")  # noqa: S314


def test_a_file_has_the_vendors_columns(bucket: tuple[PolygonServer, httpx.Client]) -> None:
    _, client = bucket
    answer = client.get(KEY)
    lines = gzip.decompress(answer.content).decode().splitlines()
    assert lines[0] == "ticker,volume,open,close,high,low,window_start,transactions"
    assert lines[1] == f"ACME,1000,99.0,100.0,101.0,98.0,{WINDOW_START},10"
    assert "Content-Encoding" not in answer.headers
    head = client.head(KEY)
    assert head.headers["ETag"] == answer.headers["ETag"]
    assert int(head.headers["Content-Length"]) == len(answer.content)


def test_a_correction_replaces_the_file(bucket: tuple[PolygonServer, httpx.Client]) -> None:
    server, client = bucket
    before = client.get(KEY).headers["ETag"]
    assert client.get(KEY, headers={"If-None-Match": before}).status_code == 304
    server.market.correct(TUESDAY, "ACME", close=100.5)
    after = client.get(KEY, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["ETag"] != before


def test_a_listing_of_the_files_that_are_ready(
    bucket: tuple[PolygonServer, httpx.Client], clock: SetClock
) -> None:
    _, client = bucket
    clock.now = datetime(2020, 10, 15, 14, 59, tzinfo=UTC)
    space = ElementTree.fromstring(client.get("/flatfiles?list-type=2").text)  # noqa: S314
    assert [key.text for key in space.iter("Key")] == [KEY.removeprefix("/flatfiles/")]
    clock.advance(minutes=1)  # Thursday 11:00 in New York: Wednesday's file
    path = "/flatfiles?list-type=2&max-keys=1&prefix=us_stocks_sip/day_aggs_v1/2020/"
    first = ElementTree.fromstring(client.get(path).text)  # noqa: S314
    assert first.findtext("IsTruncated") == "true"
    token = first.findtext("NextContinuationToken")
    answer = client.get(f"{path}&continuation-token={token}")
    second = ElementTree.fromstring(answer.text)  # noqa: S314
    assert [str(key.text)[-17:] for key in second.iter("Key")] == ["2020-10-14.csv.gz"]
    assert second.findtext("IsTruncated") == "false"


def test_what_is_refused(connect: Connect) -> None:
    server, client = connect()
    assert (client.get(KEY).status_code, code(client.get(KEY))) == (403, "InvalidAccessKeyId")
    client.headers.update(SIGNED)
    missing = client.get(KEY.replace("13.csv", "10.csv"))
    assert (missing.status_code, code(missing)) == (404, "NoSuchKey")
    server.plan = replace(ADVANCED, flat_files=False)
    assert code(client.get(KEY)) == "AccessDenied"
    server.plan = replace(ADVANCED, history_years=5)
    old = client.get(KEY.replace("2020/10/2020-10-13", "2015/10/2015-10-13"))
    assert (old.status_code, code(old)) == (403, "AccessDenied")


def test_a_part_of_a_file(bucket: tuple[PolygonServer, httpx.Client]) -> None:
    _, client = bucket
    whole = client.get(KEY).content
    part = client.get(KEY, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(whole)}"
