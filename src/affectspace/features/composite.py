"""Several feature sets side by side, such as `egemaps+compare`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from affectspace.errors import ContractError
from affectspace.features.backend import Backend
from affectspace.features.spec import FeatureSpec

JOINED = " + "
"""Between what computes each part, in a contract."""


class Composite:
    """A [`Backend`][affectspace.features.Backend] that gives the features of several, in order.

    [`extract`][affectspace.features.extract] reads a recording once for all parts, and caches what
    each gives alone: what was extracted for one set serves all composites of it, and what was
    extracted for a composite serves its sets.

    Args:
        parts: what computes each part; of different names, with the same channel and level rule.

    Attributes:
        parts: the same.
        spec: names joined by `+`; features are called as in their set, after its name and a colon.

    Raises:
        ContractError: if a set comes twice, or the rules differ.
    """

    def __init__(self, parts: Sequence[Backend]) -> None:
        self.parts = tuple(parts)
        specs = [part.spec for part in parts]
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            raise ContractError(f"a set comes twice in {'+'.join(names)!r}")
        rules = {(spec.sampling_rate, spec.channel, spec.level) for spec in specs}
        if len(rules) != 1:
            raise ContractError(
                f"the parts of {'+'.join(names)!r} should have one sampling rate, channel rule and "
                "level rule"
            )
        ((sampling_rate, channel, level),) = rules
        self.spec = FeatureSpec(
            name="+".join(names),
            backend=JOINED.join(spec.backend for spec in specs),
            backend_version=_version([spec.backend_version for spec in specs]),
            sampling_rate=sampling_rate,
            channel=channel,
            level=level,
            features=tuple(f"{spec.name}:{name}" for spec in specs for name in spec.features),
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of a signal, part by part; see `Backend`."""
        return np.concatenate([part(samples) for part in self.parts])


def parts_of(backend: Backend) -> tuple[Backend, ...]:
    """Return what a backend puts side by side; itself, where it is one set."""
    parts: tuple[Backend, ...] = getattr(backend, "parts", ())
    return parts or (backend,)


def blocks_of(spec: FeatureSpec) -> list[slice]:
    """Return where each part of a contract's features lies; one block, where it is one set."""
    if JOINED not in spec.backend:
        return [slice(0, len(spec.features))]
    sets = [name.split(":", 1)[0] for name in spec.features]
    starts = [i for i, name in enumerate(sets) if i == 0 or name != sets[i - 1]]
    return [slice(a, b) for a, b in pairwise([*starts, len(sets)])]


def _version(versions: Sequence[str]) -> str:
    """Return the version of the package behind all parts, or that of each."""
    return versions[0] if len(set(versions)) == 1 else JOINED.join(versions)
