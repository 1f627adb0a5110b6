"""Checks a model folder from end to end: each check by name, with what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affectspace.errors import AffectspaceError, ModelError
from affectspace.model.affect import AffectModel
from affectspace.model.config import FORMAT_VERSION
from affectspace.model.contract import TOLERANCE, meet, probe_distances
from affectspace.model.folder import (
    CARD,
    CONFIG,
    METRICS,
    WEIGHTS,
    read_card,
    read_config,
    read_folder,
    read_metrics,
)
from affectspace.model.sources import find_model


class Finding(NamedTuple):
    """What one check found: its name, whether all is well, and more in words."""

    check: str
    ok: bool
    message: str


def check_model(name_or_path: str | Path) -> list[Finding]:
    """Check a model: each file of its folder, what it computes, and whether its features are here.

    The probe is computed even where the installed version is the model's own.

    Args:
        name_or_path: as for [`load_model`][affectspace.model.load_model].

    Returns:
        A finding per check, in order. Where the folder's tensors or configuration can't be read,
        the checks of what they mean are left out.

    Raises:
        ModelError: if there is no such model.
    """
    folder, _ = find_model(name_or_path)
    findings = [
        _checked(CONFIG, lambda: _config(folder)),
        _checked(WEIGHTS, lambda: _weights(read_folder(folder))),
        _checked(CARD, lambda: _card(folder)),
        _checked(METRICS, lambda: _metrics(folder)),
    ]
    try:
        model = read_folder(folder)
    except ModelError:
        return findings
    return [
        *findings,
        _checked("computes", lambda: _computes(model)),
        _checked("contract", lambda: _contract(model)),
        _checked("probe", lambda: _probe(model)),
    ]


def _checked(check: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, find())
    except AffectspaceError as error:
        return Finding(check, False, str(error))


def _config(folder: Path) -> str:
    read_config(folder)
    return f"format version {FORMAT_VERSION}"


def _weights(model: AffectModel) -> str:
    count = sum(weight.size for weight in model.weights.values())
    return f"{count} parameters, all finite"


def _card(folder: Path) -> str:
    card = read_card(folder)
    if not card.startswith("---\n"):
        raise ModelError(f"{folder}/{CARD} lacks the header that the hub reads")
    return f"{len(card)} characters"


def _metrics(folder: Path) -> str:
    count = len(read_metrics(folder))
    return f"{count} entries" if count else "empty: nothing was measured"


def _computes(model: AffectModel) -> str:
    """A typical row gives numbers, and a row with a NaN gives none."""
    rows = np.stack([model.mean, model.mean + model.scale, np.full_like(model.mean, np.nan)])
    with np.errstate(all="ignore"):
        found = model.describe(rows)
    wanted = [f"z{i + 1}" for i in range(model.architecture.n_latent)]
    numbers = found[[*wanted, *(label for label in model.labels if label in model.offsets)]]
    if not np.isfinite(numbers.iloc[:2]).all(axis=None) or not found.iloc[2].isna().all():
        raise ModelError("typical features give no numbers, or missing ones do")
    return f"embedding of {len(wanted)} dimensions; {', '.join(model.labels) or 'no labels'}"


def _contract(model: AffectModel) -> str:
    if model.spec is None:
        return "none: encodes features that came from elsewhere, and can't embed recordings"
    return f"met by {meet(model)}"


def _probe(model: AffectModel) -> str:
    if model.probe is None:
        return "none: only the contract's own version of its backend is taken"
    distances = probe_distances(model)
    if distances is None:
        return f"of the signal {model.probe.signal!r}, which is not known here"
    apart = int((~(distances <= TOLERANCE)).sum())
    if apart:
        raise ModelError(
            f"the installed features differ from the model's in {apart} of {len(distances)}, "
            f"by up to {np.max(distances):.3g} deviations"
        )
    return f"the same features: at most {np.max(distances):.1g} deviations apart"
