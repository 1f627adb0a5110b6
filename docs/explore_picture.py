"""Photograph the explore page: `python docs/explore_picture.py ADDRESS OUT.png [RECORDING]`.

ADDRESS is what `affectspace explore` printed; RECORDING is dropped on the page first.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

VIEWPORT = {"width": 1280, "height": 900}
LASSO = ((0.25, 0.4), (0.62, 0.36), (0.66, 0.56), (0.5, 0.66), (0.25, 0.62))  # shares of the plane


def photograph(address: str, picture: Path, recording: Path | None) -> None:
    """Open the page in Chromium, colour it, draw a lasso, drop a recording, save what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport=VIEWPORT, device_scale_factor=1.25).new_page()
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        page.select_option("#colour", label="emotion")
        box = page.locator("#over").bounding_box()
        assert box is not None  # noqa: S101  (it is in view)
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in LASSO]
        page.mouse.move(*places[0])
        page.mouse.down()
        for x, y in places:
            page.mouse.move(x, y)
        page.mouse.up()
        if recording is not None:
            page.set_input_files("#file", recording)
            page.wait_for_selector("#landed li")
        page.mouse.move(5, 5)
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    address, picture, *recordings = sys.argv[1:]
    photograph(address, Path(picture), Path(recordings[0]) if recordings else None)
