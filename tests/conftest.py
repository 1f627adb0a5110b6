from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a page once more where it waited in vain: the summary then counts a rerun.

    A browser, a service and its processes share two cores with another test, and any of them may be
    held up for as long as a step is waited for. Nothing but such a wait is forgiven.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the real data, which tests marked `real` need."""
    root = os.environ.get("AFFECTSPACE_DATA")
    if not root:
        pytest.skip(
            "AFFECTSPACE_DATA is not set. Let it name a folder with corpora/NAME (see "
            "`affectspace corpora show NAME` for how to get each), labels/dtu and features"
        )
    return Path(root)
