"""The feature contract: what exactly a feature vector is, so that no two kinds are ever mixed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from affectspace.audio import SAMPLING_RATE, Channel
from affectspace.audio.signal import check_channel
from affectspace.errors import ContractError

AS_RECORDED = "as-recorded"


@dataclass(frozen=True)
class FeatureSpec:
    """What a feature vector is. Two vectors may be compared only where their contracts are equal.

    Attributes:
        name: of the set, for instance `native`.
        backend: what computes it, with the set's own name and version there: eGeMAPSv01a and v02
            share all 88 names and differ in half of the values.
        backend_version: of the package that computes it; of the set itself where it's our own.
        sampling_rate: of the signal, in Hz.
        channel: the channel rule: `first` (which 0 becomes), `mean`, or a channel's number.
        level: the level rule: `as-recorded`, or `rms:-26`, scaled to that level in dBFS.
        features: the names, in order.

    Examples:
        >>> spec = FeatureSpec("pair", "none", "1", features=("a", "b"))
        >>> spec.hash, FeatureSpec.from_json(spec.to_json()) == spec
        ('4e91eaf57ca4c0b2', True)
    """

    name: str
    backend: str
    backend_version: str
    sampling_rate: int = SAMPLING_RATE
    channel: Channel = "first"
    level: str = AS_RECORDED
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_channel(self.channel)
        if len(set(self.features)) < len(self.features):
            raise ContractError(f"the features of {self.name!r} should have different names")
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "channel", self.channel or "first")
        object.__setattr__(self, "level", level_rule(self.level))

    @cached_property
    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of `to_json()`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    @property
    def target_level(self) -> float | None:
        """The level that signals are scaled to, in dBFS; None leaves them as they are."""
        return None if self.level == AS_RECORDED else float(self.level.removeprefix("rms:"))

    def to_json(self) -> str:
        """Return the contract as JSON: sorted keys, no blanks, the same text every time."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> FeatureSpec:
        """Read what `to_json` wrote.

        Raises:
            ContractError: when the text is something else.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            return cls(**{**values, "features": tuple(values["features"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ContractError(f"this is no feature contract: {error}") from None

    def check(self, other: FeatureSpec) -> None:
        """Check that another contract is the same as this one.

        Args:
            other: the contract of the features that came.

        Raises:
            ContractError: when anything differs; the message names both contracts and says what.
        """
        if other == self:
            return
        differences = [
            _difference(field.name, getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
        raise ContractError(f"expected features of {self}, got {other}: " + "; ".join(differences))

    def __str__(self) -> str:
        return f"{self.name} [{self.backend} {self.backend_version}, {self.hash}]"


def level_rule(level: str) -> str:
    """Return a level rule in its one spelling.

    Args:
        level: `as-recorded`, or `rms:` and a level in dBFS below 0; `rms` alone is -26 dBFS.

    Raises:
        ContractError: when it is neither.

    Examples:
        >>> level_rule("rms"), level_rule("rms:-20.0"), level_rule("as-recorded")
        ('rms:-26', 'rms:-20', 'as-recorded')
    """
    if level == AS_RECORDED:
        return level
    kind, _, number = level.partition(":")
    try:
        target = float(number or -26)
    except ValueError:
        target = 0.0
    if kind != "rms" or not -100 <= target < 0:
        raise ContractError(
            f"a level rule is 'as-recorded', 'rms' or 'rms:LEVEL' (dBFS, from -100 to below 0), "
            f"not {level!r}"
        )
    return f"rms:{target:g}"


def _difference(name: str, expected: Any, got: Any) -> str:
    if name != "features":
        return f"{name} {expected!r} is {got!r}"
    missing = [feature for feature in expected if feature not in set(got)]
    extra = [feature for feature in got if feature not in set(expected)]
    if not missing and not extra:
        return "the features come in another order"
    parts = [
        f"{len(names)} {what}, first {names[0]!r}"
        for names, what in ((missing, "missing"), (extra, "unexpected"))
        if names
    ]
    return f"features: {len(expected)} expected, {len(got)} came, " + ", ".join(parts)
