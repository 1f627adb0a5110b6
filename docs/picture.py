"""Photograph a report for the documentation: `python docs/picture.py demo/report.html OUT.png`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1280, 900
COLOUR = "language"
ROW = 2  # the one that is shown in full


def photograph(report: Path, picture: Path) -> None:
    """Open a report in Chromium, colour it, select a row, and save all but words and table."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-3d-apis"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.resolve().as_uri())
        page.select_option("#colour", label=COLOUR)
        page.wait_for_selector("#trajectory .scatterlayer")
        page.uncheck("#play-on-click")
        page.click(f"#scroller tr[data-row='{ROW}']")
        page.wait_for_timeout(500)  # the plots take their places
        page.evaluate("scrollTo(0, 0)")
        top = page.locator("#explorer .grid").bounding_box()
        bottom = page.locator("#trajectory-card").bounding_box()
        assert top is not None and bottom is not None  # noqa: PT018, S101
        end = bottom["y"] + bottom["height"]
        part = {**top, "height": end - top["y"]}
        page.screenshot(path=picture, full_page=True, clip=part)
        browser.close()


if __name__ == "__main__":
    photograph(Path(sys.argv[1]), Path(sys.argv[2]))
