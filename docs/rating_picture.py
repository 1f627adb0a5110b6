"""Photograph the rater's page: `python docs/rating_picture.py LINK OUT.png [LANGUAGE] [phone]`.

LINK is a rater's link that `affectspace annotate` printed. Nothing is submitted.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DESKTOP = {"width": 1120, "height": 760}
PHONE = {"width": 360, "height": 740}
MOVES = (*("ArrowUp",) * 3, *("ArrowRight",) * 3)  # the first key marks the middle


def photograph(link: str, picture: Path, *, language: str, viewport: dict[str, int]) -> None:
    """Open the link in Chromium, hear the first recording, mark a point, and save what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(
            viewport=viewport, locale=language, device_scale_factor=1.5, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(link)
        page.click(".screen .primary")
        if page.locator(".screen .primary").count():  # the first time, there are instructions
            page.click(".screen .primary")
        page.wait_for_selector(".item")
        page.keyboard.press("Space")
        page.locator(".player .ring[stroke-dashoffset='0']").wait_for()
        for key in MOVES:
            page.keyboard.press(key)
        page.wait_for_selector("#missing.complete")
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    link, picture, *further = sys.argv[1:]
    photograph(
        link,
        Path(picture),
        language=next((word for word in further if word != "phone"), "en"),
        viewport=PHONE if "phone" in further else DESKTOP,
    )
