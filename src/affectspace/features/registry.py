"""The feature sets that the package knows, by name."""

from __future__ import annotations

from collections.abc import Callable

from affectspace.audio import Channel
from affectspace.errors import ContractError
from affectspace.features.backend import Backend
from affectspace.features.compare import Compare
from affectspace.features.composite import Composite
from affectspace.features.egemaps import Egemaps
from affectspace.features.egemaps_lld import EgemapsLld
from affectspace.features.spec import AS_RECORDED, FeatureSpec

_BACKENDS: dict[str, Callable[..., Backend]] = {
    "egemaps": Egemaps,
    "compare": Compare,
    "egemaps-lld": EgemapsLld,
}


def names() -> tuple[str, ...]:
    """Return the names of the feature sets; joined by `+` they name a set of their own.

    Examples:
        >>> names()
        ('egemaps', 'compare', 'egemaps-lld')
    """
    return tuple(_BACKENDS)


def backend(name: str, *, channel: Channel = "first", level: str = AS_RECORDED) -> Backend:
    """Return what computes a feature set.

    Args:
        name: one of `names()`, or several of them joined by `+`, such as `egemaps+compare`.
        channel: `first`, `mean`, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL` to scale every signal to a level in dBFS.

    Raises:
        ContractError: when the name or the level rule isn't known.
    """
    parts = [_single(part, channel, level) for part in name.split("+")]
    return parts[0] if len(parts) == 1 else Composite(parts)


def spec(name: str, *, channel: Channel = "first", level: str = AS_RECORDED) -> FeatureSpec:
    """Return the contract of a feature set; arguments as for `backend`.

    Examples:
        >>> len(spec("egemaps").features), len(spec("compare").features)
        (88, 6373)
        >>> spec("egemaps+compare").features[87:89]
        ('egemaps:equivalentSoundLevel_dBp', 'compare:audspec_lengthL1norm_sma_range')
    """
    return backend(name, channel=channel, level=level).spec


def _single(name: str, channel: Channel, level: str) -> Backend:
    if name not in _BACKENDS:
        raise ContractError(
            f"there is no feature set {name!r}; there are {', '.join(_BACKENDS)}, and several "
            "joined by +"
        )
    return _BACKENDS[name](channel=channel, level=level)
