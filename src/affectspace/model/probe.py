"""A signal that is the same everywhere, and what a feature set gives on it.

A contract names the version of the package that computes the features. Whether another version
gives the same features is measured on this signal instead of guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affectspace.audio import SAMPLING_RATE
from affectspace.errors import ContractError, MissingExtraError
from affectspace.features import FeatureSpec
from affectspace.features.registry import installed

PROBE_SIGNAL = "glide-1"
"""The name of the formula of `probe_signal`; another formula gets another name."""

_SECONDS = 2.0
_HARMONICS = 24
_STEPS_PER_HERTZ = 64
_FORMANTS = ((650.0, 1.0), (1250.0, 0.5), (2500.0, 0.25))  # Hz, gain
_BANDWIDTH = 120.0  # Hz


@dataclass(frozen=True, eq=False)
class Probe:
    """What a feature set gave on the probe signal.

    Attributes:
        signal: the name of the signal's formula, `PROBE_SIGNAL` when it was computed here.
        values: the features, `(f,)`.
    """

    signal: str
    values: npt.NDArray[np.float32]


def probe_signal() -> npt.NDArray[np.float32]:
    """A voiced signal of 2 s at 16 kHz that is the same on every machine, `(32000,)`.

    Harmonics of a gliding pitch under three formants that move, in four syllables, with a little
    noise. No random stream goes in, only integers and sines. Phases are counted in integers, and
    what comes out lies on the grid of 16 bits, so that the last digit of a sine, in which machines
    differ, shows nowhere.
    """
    count = round(_SECONDS * SAMPLING_RATE)
    time = np.arange(count) / SAMPLING_RATE
    glide = 150 + 40 * np.sin(2 * np.pi * 0.4 * time) + 3 * np.sin(2 * np.pi * 5 * time)
    steps = np.round(glide * _STEPS_PER_HERTZ).astype(np.int64)
    pitch, phase = steps / _STEPS_PER_HERTZ, np.cumsum(steps)
    cycle = SAMPLING_RATE * _STEPS_PER_HERTZ
    shift = 1 + 0.15 * np.sin(2 * np.pi * 1.3 * time)
    voice = np.zeros(count)
    for harmonic in range(1, _HARMONICS + 1):
        distances = [(harmonic * pitch - shift * at) / _BANDWIDTH for at, _ in _FORMANTS]
        gains = [gain for _, gain in _FORMANTS]
        weight = sum(g / (1 + d**2) for g, d in zip(gains, distances, strict=True))
        voice += (
            (0.05 + weight) / harmonic**0.5 * np.sin(2 * np.pi * (harmonic * phase % cycle) / cycle)
        )
    syllables = np.sqrt(np.maximum(0, np.sin(2 * np.pi * 2 * time - 0.5)))
    signal = 0.15 * syllables * voice + 0.002 * _noise(count)
    return (np.round(np.clip(signal, -0.9, 0.9) * 32768) / 32768).astype(np.float32)


def compute_probe(spec: FeatureSpec) -> Probe | None:
    """Compute a contract's features on the probe signal.

    Args:
        spec: the contract.

    Returns:
        The probe; None where this installation has no such feature set, or another version.
    """
    try:
        backend = installed(spec)
    except (ContractError, MissingExtraError):
        return None
    return Probe(PROBE_SIGNAL, backend(probe_signal())) if backend.spec == spec else None


def run_probe(spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """The installed feature set of that name on the probe signal, `(f,)`.

    The signal is not brought to the contract's level. That is this package's own work and not the
    backend's, and the last digit of the gain would flip samples, which moves the bandwidths of
    formants by percents.

    Raises:
        ContractError: if this installation has no such set.
    """
    return installed(spec)(probe_signal())


def _noise(count: int) -> npt.NDArray[np.float64]:
    """Numbers from -1 to 1 without order, `(count,)`, from integers alone.

    The multiplications and shifts of the finalisers of hash functions; they spread every bit of a
    counter over the whole number.
    """
    bits = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1
