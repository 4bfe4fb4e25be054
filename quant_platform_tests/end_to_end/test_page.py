"""A report's page in a browser: on a wide screen, on a phone, for each reader, and on paper."""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from quant_platform.errors import QuantPlatformError
from quant_platform.pipeline.printing import print_page
from quant_platform.reports.html import library_name, plotly_script, render_report
from quant_platform_tests.support.browser import CHROMIUM, QUIET
from quant_platform_tests.support.report_frames import (
    DATES,
    PORTFOLIOS,
    large_report_data,
    report_data,
)

Open = Callable[..., Page]

WIDE, PHONE, PAPER = (1600, 1000), (390, 844), 703
"""Sizes of windows in pixels; the width of A4 between margins of 12 mm at 96 dots per inch."""

PRINTED = {"690", "336"}
"""Widths of charts on it: alone in their line, and two in one."""

A4 = (595, 842)
"""In points."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose first model grows tenfold, so that the others are flat beside it; and others."""
    grown = PORTFOLIOS["equity"] * np.where(
        PORTFOLIOS["model_id"] == 1, np.tile(np.linspace(1.0, 10.0, 320), 3), 1.0
    )
    data = replace(report_data(), portfolios=PORTFOLIOS.assign(equity=grown))
    path = tmp_path_factory.mktemp("pages")
    for name, shown, reader in (
        ("page", data, "researcher"),
        ("large", large_report_data(10, 2_520), "researcher"),
        ("first", report_data(DATES[0]), "manager"),
    ):
        text = render_report(shown, library_name(), reader)
        (path / f"{name}.html").write_text(text, encoding="utf-8")
    (path / library_name()).write_text(plotly_script(), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    """Open the page of a folder as it lies on the disk; a complaint of the browser fails."""
    complaints: list[str] = []
    pages = []

    def open_page(width: int, height: int, name: str = "page.html") -> Page:
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        file, _, fragment = name.partition("#")
        page.goto((folder / file).as_uri() + (f"#{fragment}" if fragment else ""))
        page.wait_for_function(
            "[...document.querySelectorAll('[data-chart]')]"
            ".every(e => e.offsetParent === null || e.querySelector('.main-svg'))"
        )
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def chart_widths(page: Page) -> list[float]:
    widths: list[float] = page.evaluate(
        "[...document.querySelectorAll('.chart .main-svg:first-child')].map(e => e.clientWidth)"
        ".filter(width => width > 0)"
    )
    return widths


def test_every_chart_is_drawn_with_its_curves(opened: Open) -> None:
    """As Plotly holds them: the values in the page, decoded, are those of the portfolios."""
    page = opened(*WIDE)
    drawn = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-chart]')]"
        ".filter(e => e.data).map(e =>"
        " [e.dataset.chart, e.data.filter(t => t.hovertemplate).map(t => [t.name, t.x, t.y])]))"
    )
    assert {"equity", "drawdown", "sharpe_ratio252", "gross_exposure"} <= set(drawn)
    curves = {name: (days, values) for name, days, values in drawn["equity"]}
    days, values = curves["fast"]
    assert days == [f"{day:%Y-%m-%d}" for day in DATES]
    equity = PORTFOLIOS.loc[PORTFOLIOS["model_id"] == 2, "equity"].to_numpy()
    np.testing.assert_allclose(values, equity / equity[0], atol=5.1e-5)
    assert page.locator("#written").inner_text().endswith(" UTC")


def test_buttons_of_the_charts(opened: Open) -> None:
    """Scales, the model of the band, and the legend, which switches a model off in all charts."""
    page = opened(*WIDE)
    assert page.locator(".scales [aria-pressed=true]").inner_text() == "A scale each"
    curves = page.locator("[data-chart=equity] .scatterlayer")
    expect(curves).to_have_count(3)
    page.locator(".scales >> text=Linear").click()
    expect(curves).to_have_count(1)
    page.locator("#rolling select").select_option("<b>slow</b>")
    colours = page.evaluate(
        "document.querySelector('[data-chart=sharpe_ratio252]').data"
        ".map(each => [each.name, each.fill, each.line.color])"
    )
    (band,) = [colour for _, fill, colour in colours if fill == "tonexty"]
    assert [colour for name, _, colour in colours if name == "<b>slow</b>"] == [band]
    page.locator("#returns .legend button", has_text="fast").click()
    for key in ("equity", "drawdown", "gross_exposure"):
        page.wait_for_function(
            "key => !document.querySelector(`[data-chart=${key}]`).data"
            ".some(each => each.name === 'fast')",
            arg=key,
        )
    other = page.locator("#drawdowns .legend button", has_text="fast")
    assert other.get_attribute("aria-pressed") == "false"


def test_a_reader_sees_their_sections(opened: Open) -> None:
    """The switch hides and shows, draws what was not in sight, and a link opens it so."""
    page = opened(*WIDE)
    rolling, figures = page.locator("#rolling"), page.locator("#figures")
    expect(figures).to_be_visible()
    page.locator("#readers >> text=Manager").click()
    expect(figures).to_be_hidden()
    expect(rolling).to_be_hidden()
    expect(page.locator(".links a[href='#rolling']")).to_be_hidden()
    expect(page.locator("#drawdowns")).to_be_visible()
    for_manager = opened(*WIDE, "page.html#for=manager")
    expect(for_manager.locator("#rolling")).to_be_hidden()
    assert for_manager.locator("#rolling .main-svg").count() == 0
    for_manager.locator("#readers >> text=Risk").click()
    expect(for_manager.locator("#rolling .main-svg").first).to_be_visible()
    assert min(chart_widths(for_manager)) > 500


def test_printed_from_a_wide_window(opened: Open) -> None:
    page = opened(*WIDE)
    assert max(chart_widths(page)) > PAPER
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    for chart in page.locator(".chart:visible").all():
        expect(chart.locator(".main-svg").first).to_have_attribute("width", re.compile("690|336"))
    # Nothing is cut at the right, and each chart fills its part of the line.
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert {f"{width:.0f}" for width in chart_widths(page)} == PRINTED
    cut = page.evaluate(
        "[...document.querySelectorAll('.main-svg, table')].filter(e => e.clientWidth > 0 &&"
        " e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)"
        ".map(e => e.parentElement.outerHTML.slice(0, 200))"
    )
    assert cut == []
    cell = page.locator(".heat td.gain, .heat td.loss").first
    assert cell.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.wait_for_function(
        "limit => document.querySelector('[data-chart=equity] .main-svg').clientWidth > limit",
        arg=PAPER,
    )


def test_a_phone_never_scrolls_to_the_side(opened: Open) -> None:
    for name in ("first.html", "page.html", "large.html"):
        page = opened(*PHONE, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], name
    # The year stays in sight beside twelve months.
    box = page.locator(".heat td:last-child").first.bounding_box()
    assert box is not None
    assert box["x"] > 0
    assert box["x"] + box["width"] <= PHONE[0]


def test_a_page_as_a_pdf(folder: Path) -> None:
    """A4, every chart on one page; what is drawn stays vectors, so that nothing is a bitmap."""
    path = print_page(folder / "large.html")
    assert path == folder / "large.pdf"
    content = path.read_bytes()
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert {(round(float(wide)), round(float(high))) for wide, high in boxes} == {A4}
    pages = len(re.findall(rb"/Type /Page\b", content))
    assert 5 <= pages <= 24
    assert content.count(b"/Subtype /Image") == 0
    drawn = b"".join(
        zlib.decompress(part)
        for part in re.findall(
            rb"/FlateDecode[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", content, re.S
        )
    )
    # Ten models' curves over 1,200 sessions each in nine charts: the paths are there.
    assert len(re.findall(rb" l\n", drawn)) > 50_000
    assert list(folder.glob("*.draft")) == []


def test_without_a_browser_one_line_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(QuantPlatformError, match="No browser was found") as told:
        print_page(folder / "page.html")
    assert "open" in str(told.value.hint if hasattr(told.value, "hint") else told.value)
    fails = tmp_path / "chromium"
    fails.write_text("#!/bin/sh\necho it fell over >&2\nexit 1\n")
    fails.chmod(0o755)
    with pytest.raises(QuantPlatformError, match="chromium did not print the page: it fell over"):
        print_page(folder / "page.html")
    assert not (folder / "page.pdf").exists()
