"""A page as a PDF, printed by a Chromium browser of the system.

The page needs its charts drawn, so nothing but a browser can print it. It runs without a window and
without the network (a page's content security policy forbids it anyway), with a profile of its own
that is deleted afterwards. What does not belong here: how a page looks on paper
(`reports/templates/style.css`).
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from quant_platform.errors import QuantPlatformError
from quant_platform.storage.files import replace_file

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("microsoft-edge", "chrome"),
)
"""Commands that are tried, in this order."""

SECONDS = 90.0
"""After which a browser that has not printed is stopped."""

FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--no-pdf-header-footer", "--force-color-profile=srgb", "--virtual-time-budget=10000"),
)


def print_page(page: Path) -> Path:
    """Print a page to a PDF beside it, of the same name, and return its path.

    Raises
    ------
    QuantPlatformError
        There is no browser, or it did not print.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise QuantPlatformError(
            "No browser was found that could print the page",
            f"Install chromium, or open {page} in any browser and print it there",
        )
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "page.pdf"
        # The sandbox of a browser does not work for root.
        rights = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [
            *(browser, *FLAGS, *rights, f"--user-data-dir={folder}/profile"),
            *(f"--print-to-pdf={printed}", f"{page.absolute().as_uri()}#print"),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - a browser found by its name, and our own page
                command, capture_output=True, timeout=SECONDS, check=False, text=True
            )
        except subprocess.TimeoutExpired as error:
            raise QuantPlatformError(
                f"{Path(browser).name} did not print the page within {SECONDS:.0f} s",
                f"Open {page} in a browser and print it there",
            ) from error
        if not printed.exists():
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise QuantPlatformError(
                f"{Path(browser).name} did not print the page: {said}",
                f"Open {page} in a browser and print it there",
            )
        path = page.with_suffix(".pdf")
        replace_file(path, printed.read_bytes())
    return path
