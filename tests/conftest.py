from __future__ import annotations

import os
from pathlib import Path

import pytest


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
