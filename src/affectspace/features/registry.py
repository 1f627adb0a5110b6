"""The feature sets that the package knows, by name."""

from __future__ import annotations

from collections.abc import Callable

from affectspace.audio import Channel
from affectspace.errors import ContractError
from affectspace.features.backend import Backend
from affectspace.features.compare import Compare
from affectspace.features.composite import JOINED, Composite
from affectspace.features.egemaps import Egemaps
from affectspace.features.egemaps_lld import EgemapsLld
from affectspace.features.encoder import PREFIX as ENCODER
from affectspace.features.encoder import known_encoder, named_encoder
from affectspace.features.native.backend import Native
from affectspace.features.spec import AS_RECORDED, FeatureSpec

_BACKENDS: dict[str, Callable[..., Backend]] = {
    "native": Native,
    "egemaps": Egemaps,
    "compare": Compare,
    "egemaps-lld": EgemapsLld,
}


def names() -> tuple[str, ...]:
    """Return the names of the sets that need no encoder; see `backend` for the others.

    Examples:
        >>> names()
        ('native', 'egemaps', 'compare', 'egemaps-lld')
    """
    return tuple(_BACKENDS)


def backend(name: str, *, channel: Channel = "first", level: str = AS_RECORDED) -> Backend:
    """Return what computes a feature set that the user has named.

    Args:
        name: one of `names()`, of which all but `native` need the extra `opensmile`; or
            `hf:PATH_OR_ID` or `hf:PATH_OR_ID:LAYER`, a speech encoder in a folder or on the Hugging
            Face hub, from where it is downloaded once (extra `ssl`); or several of these joined by
            `+`, such as `egemaps+compare`.
        channel: `first`, `mean`, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL` to scale every signal to a level in dBFS.

    Raises:
        ContractError: when the name or the level rule isn't known, or the encoder can't be used.
        MissingExtraError: when a set of openSMILE's is wanted without the extra `opensmile`, or an
            encoder without the extra `ssl`.
    """
    return _side_by_side([_named(part, channel, level) for part in _parts(name)])


def spec(name: str, *, channel: Channel = "first", level: str = AS_RECORDED) -> FeatureSpec:
    """Return the contract of a feature set; arguments as for `backend`.

    Examples:
        >>> len(spec("egemaps").features), len(spec("compare").features)
        (88, 6373)
        >>> spec("egemaps+compare").features[87:89]
        ('egemaps:equivalentSoundLevel_dBp', 'compare:audspec_lengthL1norm_sma_range')
    """
    return backend(name, channel=channel, level=level).spec


def installed(contract: FeatureSpec) -> Backend:
    """Return what computes the set of a contract here, be it in another version.

    Unlike `backend` it may be asked for whatever a stranger's model says: an encoder is only taken
    from where the user has named it before, and nothing is downloaded.

    Raises:
        ContractError: when the set isn't known here.
        MissingExtraError: when a set of openSMILE's is wanted without the extra `opensmile`, or an
            encoder without the extra `ssl`.
    """
    rules = contract.channel, contract.level
    names = _parts(contract.name)
    described = contract.backend.split(JOINED) if len(names) > 1 else [contract.backend]
    if len(names) != len(described):
        raise ContractError(f"{contract} doesn't say what computes each of its parts")
    return _side_by_side(
        [
            known_encoder(name, backend, *rules)
            if name.startswith(ENCODER)
            else _named(name, *rules)
            for name, backend in zip(names, described, strict=True)
        ]
    )


def encoders_of(name: str) -> list[str]:
    """Return those parts of a set's name that are speech encoders, with their layers.

    Examples:
        >>> encoders_of("native+hf:org/name:3")
        ['hf:org/name:3']
    """
    return [part for part in _parts(name) if part.startswith(ENCODER)]


def _parts(name: str) -> list[str]:
    """Split a name at each `+` but those in an encoder's path."""
    parts: list[str] = []
    for part in name.split("+"):
        if parts and parts[-1].startswith(ENCODER) and not part.startswith((ENCODER, *_BACKENDS)):
            parts[-1] += f"+{part}"
        else:
            parts.append(part)
    return parts


def _named(name: str, channel: Channel, level: str) -> Backend:
    if name.startswith(ENCODER):
        return named_encoder(name, channel=channel, level=level)
    if name not in _BACKENDS:
        raise ContractError(
            f"there is no feature set {name!r}; there are {', '.join(_BACKENDS)}, "
            f"{ENCODER}PATH_OR_ID[:LAYER] for a speech encoder, and several joined by +"
        )
    return _BACKENDS[name](channel=channel, level=level)


def _side_by_side(parts: list[Backend]) -> Backend:
    return parts[0] if len(parts) == 1 else Composite(parts)
