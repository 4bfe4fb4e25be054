"""Key plots as Markdown: an image that a reader's browser draws, of any name and any values."""

import re
from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from markdown_it import MarkdownIt

from quant_platform.reports.palette import Look
from quant_platform.reports.pictures import MOST, POINTS, picture, pictures_of
from quant_platform_tests.support.report_frames import large_report_data, report_data

SVG = "{http://www.w3.org/2000/svg}"
DATES = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
LOOK = Look("#0072b2", "dash")


def drawn(markdown: str) -> ET.Element:
    """The image of a Markdown text, read as its reader does."""
    parser = MarkdownIt()
    # The parser of the UI shows any image; this one by default only those that are pixels.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    (inline,) = [each for each in parser.parse(markdown) if each.type == "inline"]
    (image,) = inline.children or []
    found = re.fullmatch(r"data:image/svg\+xml;base64,([\w+/=]+)", str(image.attrs["src"]))
    assert found
    return ET.fromstring(b64decode(found[1]))  # noqa: S314 - made by ourselves


def test_a_curve_goes_from_the_lowest_to_the_highest() -> None:
    """1, 3, none, 2 over four sessions: left to right, the second one at the top."""
    values = np.array([1.0, 3.0, np.nan, 2.0])
    image = drawn(picture("growth", DATES, [("a <b> & c", values, LOOK)]))
    (line,) = image.iter(f"{SVG}polyline")
    points = [tuple(map(float, each.split(","))) for each in str(line.get("points")).split()]
    assert points == [(4.0, 162.0), (215.0, 18.0), (636.0, 90.0)]
    assert line.get("stroke-dasharray") == "7 4"
    texts = [each.text for each in image.iter(f"{SVG}text")]
    assert texts == ["3.00", "1.00", "2024-01-01", "2024-01-04", "a <b> & c"]


@pytest.mark.parametrize("values", [[], [np.nan] * 4])
def test_nothing_to_draw(values: list[float]) -> None:
    curves = [("a", np.array(values), LOOK)] if values else []
    assert picture("growth", DATES, curves) == "*no values*"


def test_those_of_a_report_are_small() -> None:
    pictures = pictures_of(large_report_data(10, 2_520))
    assert list(pictures) == ["growth of 1", "drawdown"]
    for text in pictures.values():
        assert len(text) < 20_000
        lines = list(drawn(text).iter(f"{SVG}polyline"))
        assert len(lines) == MOST
        assert all(len(str(line.get("points")).split()) <= POINTS for line in lines)


def test_a_report_without_portfolios_has_none() -> None:
    data = report_data()
    assert pictures_of(replace(data, portfolios=data.portfolios.iloc[:0])) == {}
