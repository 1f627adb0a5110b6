"""All descriptors of a frame, side by side."""

from __future__ import annotations

from typing import Literal, NamedTuple

from affectspace.features.native import bands, shape
from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.formants import formants
from affectspace.features.native.harmonics import formant_differences, harmonic_difference
from affectspace.features.native.hops import Array, Hops
from affectspace.features.native.pitch import Voice, voice
from affectspace.features.native.quality import (
    cepstral_prominence,
    harmonics_to_noise,
    irregularity,
)

Family = Literal[
    "pitch", "voice quality", "formants", "spectrum", "cepstrum", "bands", "loudness", "timing"
]
"""What a descriptor is about."""

REFERENCE = 27.5
"""Hz: the pitch of 0 semitones, the lowest key of a piano."""


_AT_ONCE = 256  # frames


class Descriptor(NamedTuple):
    """What is known of a frame.

    Attributes:
        name: in snake case.
        family: what it is about.
        unit: of its values; empty where they have none.
        depends_on_level: whether it changes when the recording is louder.
        of_voice: whether it only means something where there is a voice; NaN elsewhere.
    """

    name: str
    family: Family
    unit: str
    depends_on_level: bool = False
    of_voice: bool = False


def _voice(name: str, family: Family, unit: str) -> Descriptor:
    return Descriptor(name, family, unit, of_voice=True)


DESCRIPTORS: tuple[Descriptor, ...] = (
    *(Descriptor(f"mfcc{k}", "cepstrum", "dB") for k in range(1, bands.CEPSTRA + 1)),
    *(Descriptor(f"band{k}", "bands", "dB") for k in range(1, bands.BANDS + 1)),
    Descriptor("alpha_ratio", "spectrum", "dB"),
    Descriptor("hammarberg_index", "spectrum", "dB"),
    Descriptor("slope_0_500", "spectrum", "dB/kHz"),
    Descriptor("slope_500_1500", "spectrum", "dB/kHz"),
    Descriptor("slope_1500_5000", "spectrum", "dB/kHz"),
    Descriptor("centroid", "spectrum", "Hz"),
    Descriptor("spread", "spectrum", "Hz"),
    Descriptor("skewness", "spectrum", ""),
    Descriptor("entropy", "spectrum", ""),
    *(Descriptor(f"roll_off{round(100 * share)}", "spectrum", "Hz") for share in shape.ROLL_OFFS),
    Descriptor("flux", "spectrum", ""),
    Descriptor("loudness", "loudness", "", depends_on_level=True),
    Descriptor("log_loudness", "loudness", "", depends_on_level=True),
    Descriptor("periodicity", "voice quality", ""),
    Descriptor("cepstral_prominence", "voice quality", "dB"),
    _voice("pitch", "pitch", "semitones"),
    _voice("harmonics_to_noise", "voice quality", "dB"),
    _voice("log_jitter", "voice quality", ""),
    _voice("log_shimmer", "voice quality", ""),
    _voice("h1_h2", "voice quality", "dB"),
    _voice("h1_h4", "voice quality", "dB"),
    *(_voice(f"h1_a{k}", "voice quality", "dB") for k in (1, 2, 3)),
    *(_voice(f"formant{k}", "formants", "Hz") for k in (1, 2, 3)),
    *(_voice(f"log_bandwidth{k}", "formants", "") for k in (1, 2, 3)),
    *(_voice(f"formant_level{k}", "formants", "dB") for k in (1, 2, 3)),
)
"""The descriptors of a frame, in order."""

NAMES = tuple(descriptor.name for descriptor in DESCRIPTORS)
"""Their names."""


class Described(NamedTuple):
    """The descriptors of n frames, behind one another.

    Attributes:
        values: shape (n, descriptors), float32, in the order of `DESCRIPTORS`; NaN where a
            descriptor has no answer, as those of the voice have not where there is none.
        voiced: shape (n,), bool.
    """

    values: Array
    voiced: Array

    def of(self, name: str) -> Array:
        """Return a descriptor by its name, shape (n,)."""
        return self.values[:, NAMES.index(name)]


def describe(hops: Hops) -> Described:
    """Compute all descriptors of all frames."""
    return describe_heard(hops, voice(hops))


def describe_heard(hops: Hops, heard: Voice) -> Described:
    """Compute all descriptors of frames whose voice is known."""
    xp = array_namespace(hops.blocks)
    of_voice = xp.concat(_of_voice(hops, heard), axis=1)
    return Described(xp.concat([_of_spectra(hops), of_voice], axis=1), heard.voiced)


def _of_spectra(hops: Hops) -> Array:
    """The descriptors of short spectra, block by block: larger arrays cost more page faults."""
    xp = array_namespace(hops.blocks)
    n = hops.starts.shape[0]
    step = _AT_ONCE if is_numpy_array(hops.blocks) else n
    parts = []
    for first in range(0, n, step):
        before = min(first, 1)  # a frame whose spectrum is compared with the first one's
        frames = Hops(hops.blocks, hops.starts[first - before : first + step], hops.counts)
        parts.append(_of_block(frames)[before:])
    return xp.concat(parts, axis=0)


def _of_block(hops: Hops) -> Array:
    xp = array_namespace(hops.blocks)
    power = shape.short_spectrum(hops)
    magnitude = xp.sqrt(power)
    level = shape.decibels(power)
    band = bands.band_powers(power)
    band_level = shape.decibels(band)
    loudness = xp.sum(bands.specific_loudness(band), axis=1)
    spectrum = (
        shape.alpha_ratio(power),
        shape.hammarberg_index(power),
        shape.slope(level, 0, 500),
        shape.slope(level, 500, 1_500),
        shape.slope(level, 1_500, 5_000),
        *shape.moments(level, magnitude),
    )
    return xp.concat(
        [
            bands.cepstra(band_level),
            band_level - xp.mean(band_level, axis=1, keepdims=True),
            xp.stack(spectrum, axis=1),
            shape.roll_offs(power),
            xp.stack([shape.flux(magnitude, hops), loudness, xp.log(loudness)], axis=1),
        ],
        axis=1,
    )


def _of_voice(hops: Hops, heard: Voice) -> list[Array]:
    xp = array_namespace(hops.blocks)
    voiced = heard.voiced
    nothing = xp.asarray(float("nan"), dtype=xp.float32, device=device(hops.blocks))
    jitter, shimmer = irregularity(hops, heard)
    resonances = formants(hops, voiced)
    found = resonances.found
    f0 = xp.where(voiced, heard.f0, REFERENCE)
    one = (
        heard.strength,
        cepstral_prominence(heard),
        xp.where(voiced, 12.0 * xp.log2(f0 / REFERENCE), nothing),
        xp.where(voiced, harmonics_to_noise(heard), nothing),
        xp.log(jitter + 1e-3),
        xp.log(shimmer + 2e-2),
    )
    return [
        xp.stack(one, axis=1),
        _of_harmonics(heard, xp.where(found, resonances.frequency, nothing)),
        xp.where(found, resonances.frequency, nothing),
        xp.where(found, xp.log(resonances.bandwidth), nothing),
        xp.where(found, resonances.level, nothing),
    ]


def _of_harmonics(heard: Voice, resonances: Array) -> Array:
    """H1-H2, H1-H4, H1-A1, H1-A2, H1-A3; only voiced frames are looked at."""
    xp = array_namespace(resonances)
    differences = xp.full(
        (resonances.shape[0], 5), float("nan"), dtype=xp.float32, device=device(resonances)
    )
    voiced = xp.nonzero(heard.voiced)[0]
    count = voiced.shape[0]
    step = 4 * _AT_ONCE if is_numpy_array(resonances) else max(1, count)
    for first in range(0, count, step):
        rows = voiced[first : first + step]
        one = Voice(*(xp.take(each, rows, axis=0) for each in heard))
        two = [harmonic_difference(one, number) for number in (2, 4)]
        near = formant_differences(one, xp.take(resonances, rows, axis=0))
        differences[rows, :] = xp.concat([xp.stack(two, axis=1), near], axis=1)
    return differences
