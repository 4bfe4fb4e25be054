"""A report's page in a browser: on a wide screen, on a phone, and printed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from plotly.offline import get_plotlyjs

from quant_platform.reports.html import library_name, render_report
from quant_platform_tests.support.browser import CHROMIUM, QUIET
from quant_platform_tests.support.report_frames import PORTFOLIOS, report_data

Open = Callable[[int, int], Page]

WIDE, PHONE, PAPER = (1600, 1000), (390, 844), 703
"""Sizes of windows in pixels; the width of A4 between margins of 12 mm at 96 dots per inch."""

PRINTED = "650"
"""Width of a chart on it: less the card's frame."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a folder as it lies on the disk; a complaint of the browser fails."""
    # One model grows tenfold, so that the others are flat beside it.
    grown = PORTFOLIOS["equity"] * np.where(
        PORTFOLIOS["model_id"] == 1, np.tile(np.linspace(1.0, 10.0, 320), 3), 1.0
    )
    data = replace(report_data(), portfolios=PORTFOLIOS.assign(equity=grown))
    path = tmp_path / "page.html"
    path.write_text(render_report(data, library_name()), encoding="utf-8")
    (tmp_path / library_name()).write_text(get_plotlyjs(), encoding="utf-8")
    complaints: list[str] = []
    pages = []

    def open_page(width: int, height: int) -> Page:
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        page.locator(".chart .scatterlayer").nth(2).wait_for(state="attached")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def chart_widths(page: Page) -> list[float]:
    widths: list[float] = page.evaluate(
        "[...document.querySelectorAll('.chart .main-svg:first-child')].map(e => e.clientWidth)"
    )
    return widths


def test_curves_of_unlike_size_have_a_scale_each(opened: Open) -> None:
    page = opened(*WIDE)
    assert page.locator("#scales [aria-pressed=true]").inner_text() == "A scale each"
    curves = page.locator("[data-chart=equity] .scatterlayer")
    expect(curves).to_have_count(3)
    page.locator("#scales >> text=Linear").click()
    expect(curves).to_have_count(1)


def test_printed_from_a_wide_window(opened: Open) -> None:
    page = opened(*WIDE)
    assert max(chart_widths(page)) > PAPER
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    for chart in page.locator(".chart").all():
        expect(chart.locator(".main-svg").first).to_have_attribute("width", PRINTED)
    # Nothing is cut at the right, and each chart fills its own line.
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert min(chart_widths(page)) > 0.9 * PAPER
    cell = page.locator(".heat td.gain, .heat td.loss").first
    assert cell.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    chart = page.locator("[data-chart=equity] .main-svg").first
    expect(chart).not_to_have_attribute("width", PRINTED)
    page.wait_for_function(
        "limit => document.querySelector('[data-chart=equity] .main-svg').clientWidth > limit",
        arg=PAPER,
    )


def test_the_year_is_in_sight_on_a_phone(opened: Open) -> None:
    page = opened(*PHONE)
    box = page.locator(".heat td:last-child").first.bounding_box()
    assert box is not None
    assert box["x"] > 0
    assert box["x"] + box["width"] <= PHONE[0]
    # The page itself never scrolls to the side.
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_the_page_says_when_it_was_written(opened: Open) -> None:
    page = opened(*WIDE)
    assert page.locator("#written").inner_text().endswith(" UTC")
