"""From the descriptors of frames to the features of a signal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.descriptors import (
    DESCRIPTORS,
    NAMES,
    Described,
    Descriptor,
    Family,
)
from affectspace.features.native.functionals import (
    FRAME_RATE,
    change,
    mean_and_deviation,
    modulation,
    quantiles,
)
from affectspace.features.native.hops import Array, Hops
from affectspace.features.native.timing import extent, runs, swells

SPEECH = 20.0
"""dB below the loudest twentieth of the frames, down to which a frame counts as speech."""

VOICED = 30.0
"""The same for voiced frames, which stand out of noise by themselves."""

CLEARLY = 0.7
"""Periodicity from which a frame counts as voiced here: creak and breath lead pitch astray."""

FEWEST = 3
"""Frames that a signal should have of a kind; with fewer, less clear ones are taken as well."""

RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0)
"""Hz, at which contours are looked at for how much they swing."""

_COLUMNS = {name: column for column, name in enumerate(NAMES)}
_AT_ONCE = 2**20  # values whose statistics are computed at once: an hour of 3 descriptors


class Feature(NamedTuple):
    """What is known of a feature.

    Attributes:
        name: in snake case: descriptor, frames, functional.
        family: what it is about.
        unit: of its values; empty where they have none.
        depends_on_level: whether it changes when the recording is louder.
    """

    name: str
    family: Family
    unit: str
    depends_on_level: bool = False


_STATISTICS = ("mean", "sd", "change")
_SPECTRA = tuple(d for d in DESCRIPTORS if d.family in ("cepstrum", "bands", "spectrum"))
_SHAPE = tuple(d for d in DESCRIPTORS if d.family == "spectrum")
_OF_VOICE = tuple(
    d for d in DESCRIPTORS if d.of_voice and d.family in ("voice quality", "formants")
)
_REGULARITY = tuple(d for d in DESCRIPTORS if d.family == "voice quality" and not d.of_voice)
_LOUDNESS = tuple(d for d in DESCRIPTORS if d.family == "loudness")
_QUARTERS = {"p20": 0.2, "p50": 0.5, "p80": 0.8, "p95": 0.95}
_PITCH = {"p10": 0.1, "p20": 0.2, "p50": 0.5, "p80": 0.8, "p90": 0.9}
_CONTOURS = ("loudness", "log_loudness", "periodicity", "pitch")
_RUNS = ("rate", "mean_length", "sd_length")


def _of(descriptor: Descriptor, part: str, statistic: str) -> Feature:
    free = descriptor.name == "log_loudness" and statistic in ("sd", "change")
    return Feature(
        f"{descriptor.name}_{part}_{statistic}",
        descriptor.family,
        descriptor.unit,
        descriptor.depends_on_level and not free,
    )


def _lengths(part: str) -> list[Feature]:
    units = ("1/s", "s", "s")
    return [
        Feature(f"{part}_{name}", "timing", unit) for name, unit in zip(_RUNS, units, strict=True)
    ]


def _named(
    names: Sequence[str], family: Family, unit: str = "", *, level: bool = False
) -> list[Feature]:
    return [Feature(name, family, unit, level) for name in names]


FEATURES: tuple[Feature, ...] = (
    *(_of(d, "voiced", s) for s in _STATISTICS for d in _SPECTRA),
    *(_of(d, "unvoiced", "mean") for d in _SHAPE),
    *(_of(d, part, s) for part in ("speech", "voiced") for s in _STATISTICS for d in _LOUDNESS),
    *_named([f"log_loudness_speech_{q}" for q in _QUARTERS], "loudness", "", level=True),
    *(_of(d, "speech", s) for s in _STATISTICS[:2] for d in _REGULARITY),
    *(_of(d, "voiced", s) for s in _STATISTICS[:2] for d in _OF_VOICE),
    *_named(["pitch_mean", "pitch_sd", "pitch_change"], "pitch", "semitones"),
    *_named([f"pitch_{q}" for q in _PITCH], "pitch", "semitones"),
    *_named(["pitch_range80", "pitch_range60"], "pitch", "semitones"),
    *_lengths("speech"),
    *_lengths("pause")[1:],
    *_lengths("voiced"),
    *_lengths("unvoiced")[1:],
    *_named(["speech_portion", "voiced_portion"], "timing"),
    *_named(["swell_rate"], "timing", "1/s"),
    *_named(["swell_height", "swell_rise", "swell_fall"], "timing"),
    *_named([f"log_loudness_swing_{r:g}" for r in RATES], "timing"),
    *_named([f"loudness_swing_{r:g}" for r in RATES], "timing"),
    *_named([f"pitch_swing_{r:g}" for r in RATES], "timing"),
)
"""The features of a signal, in order."""


def summarise(described: Described, hops: Hops) -> Array:
    """Sum up the descriptors of each signal.

    Args:
        described: the descriptors of all frames of `hops`.
        hops: how frames belong to signals.

    Returns:
        Shape (signals, features), float32, finite, in the order of `FEATURES`. What is about the
        voice is 0 for a signal without any.
    """
    xp = array_namespace(described.values)
    rows, there = hops.rows()

    def statistics(mask: Array, *groups: Sequence[Descriptor]) -> list[list[Array]]:
        return _statistics(described.values, rows, mask, groups)

    contours, _ = _laid(described.values, rows, _CONTOURS)
    loudness, log_loudness, periodicity, pitch = (contours[:, i, :] for i in range(4))
    voiced = described.voiced[rows] & there
    speech, clear, unvoiced = _parts(log_loudness, periodicity, voiced, there)
    spectra, loudness_of_voice, of_voice = statistics(clear, _SPECTRA, _LOUDNESS, _OF_VOICE)
    loudness_of_speech, regularity = statistics(speech, _LOUDNESS, _REGULARITY)
    (shape_of_unvoiced,) = statistics(unvoiced, _SHAPE)
    return xp.concat(
        [
            *spectra,
            shape_of_unvoiced[0],
            *loudness_of_speech,
            *loudness_of_voice,
            quantiles(log_loudness[:, None, :], speech, list(_QUARTERS.values()))[:, 0, :],
            *regularity[:2],
            *of_voice[:2],
            _pitch(pitch[:, None, :], clear),
            _timing(speech, clear, loudness, there),
            _swings(
                [log_loudness, _relative(loudness, there), pitch], [there, there, clear], there
            ),
        ],
        axis=1,
    )


def _parts(
    log_loudness: Array, periodicity: Array, voiced: Array, there: Array
) -> tuple[Array, Array, Array]:
    """Which frames are speech, clearly voiced, and unvoiced speech, each (signals, frames)."""
    level = log_loudness * (10.0 / (0.3 * 2.302585))  # dB of the power that is as loud
    loudest = quantiles(level[:, None, :], there, [0.95])[:, 0, :]
    speech = there & (level > loudest - SPEECH)
    clear = voiced & (level > loudest - VOICED) & (periodicity >= CLEARLY)
    return speech, _or(clear, voiced, speech), _or(speech & ~voiced, speech)


def _or(mask: Array, *others: Array) -> Array:
    """A mask, for each signal that has enough frames in it; another one for the others."""
    xp = array_namespace(mask)
    for other in others:
        few = xp.sum(xp.astype(mask, xp.int64), axis=1, keepdims=True) < FEWEST
        mask = xp.where(few, other, mask)
    return mask


def _statistics(
    values: Array, rows: Array, mask: Array, groups: Sequence[Sequence[Descriptor]]
) -> list[list[Array]]:
    """Mean, deviation and change of groups of descriptors, each (signals, descriptors).

    All are computed at once: for a signal of some seconds the calls cost more than the sums.
    """
    xp = array_namespace(values)
    parts = []
    names = [descriptor.name for group in groups for descriptor in group]
    some = max(1, _AT_ONCE // (rows.shape[0] * rows.shape[1]))
    for first in range(0, len(names), some):
        chosen, known = _laid(values, rows, names[first : first + some])
        counts = known & mask[:, None, :]
        parts.append([*mean_and_deviation(chosen, counts), change(chosen, counts)])
    whole = [xp.concat(list(part), axis=1) for part in zip(*parts, strict=True)]
    ends = list(accumulate(len(group) for group in groups))
    spans = [slice(end - len(group), end) for end, group in zip(ends, groups, strict=True)]
    return [[statistic[:, span] for statistic in whole] for span in spans]


def _laid(values: Array, rows: Array, names: Sequence[str]) -> tuple[Array, Array]:
    """Descriptors in one row per signal, 0 where unknown, and where they are known.

    Both are of shape (signals, descriptors, frames), with the frames of a signal side by side in
    memory: sums along them are quicker, and NumPy adds up pairs there, which is exact to 1e-6 for
    an hour of frames as well.
    """
    xp = array_namespace(values)
    chosen = xp.asarray([_COLUMNS[name] for name in names], device=device(values))
    columns = xp.permute_dims(xp.take(values, chosen, axis=1), (1, 0))
    taken = xp.take(columns, xp.reshape(rows, (-1,)), axis=1)
    laid = xp.permute_dims(xp.reshape(taken, (len(names), *rows.shape)), (1, 0, 2))
    known = xp.isfinite(laid)
    return xp.where(known, laid, xp.zeros_like(laid)), known


def _pitch(pitch: Array, clear: Array) -> Array:
    xp = array_namespace(pitch)
    points = quantiles(pitch, clear, list(_PITCH.values()))[:, 0, :]
    ranges = [points[:, 4] - points[:, 0], points[:, 3] - points[:, 1]]
    return xp.concat(
        [
            *mean_and_deviation(pitch, clear),
            change(pitch, clear),
            points,
            xp.stack(ranges, axis=1),
        ],
        axis=1,
    )


def _timing(speech: Array, clear: Array, loudness: Array, there: Array) -> Array:
    xp = array_namespace(loudness)
    span = extent(speech)
    frames = xp.astype(xp.sum(xp.astype(span, xp.int64), axis=1), xp.float32)
    duration = frames / FRAME_RATE
    voiced = clear & span
    pauses, unvoiced = span & ~speech, extent(voiced) & ~voiced
    shares = [
        xp.astype(xp.sum(xp.astype(m, xp.int64), axis=1), xp.float32) / frames
        for m in (speech, voiced)
    ]
    stretches = runs(xp.concat([speech, pauses, voiced, unvoiced]), xp.tile(duration, (4,)))
    measures = xp.reshape(xp.stack(list(stretches)), (3, 4, -1))  # rate, mean, deviation
    columns = [
        *(measures[i, 0, :] for i in range(3)),
        *(measures[i, 1, :] for i in range(1, 3)),
        *(measures[i, 2, :] for i in range(3)),
        *(measures[i, 3, :] for i in range(1, 3)),
        *shares,
        *swells(loudness, there, duration),
    ]
    return xp.stack(columns, axis=1)


def _swings(contours: Sequence[Array], masks: Sequence[Array], there: Array) -> Array:
    """How much contours swing, (signals, contours * rates)."""
    xp = array_namespace(there)
    count = len(contours)
    swing = modulation(
        xp.concat(list(contours)), xp.concat(list(masks)), xp.tile(there, (count, 1)), RATES
    )
    laid = xp.permute_dims(xp.reshape(swing, (count, -1, len(RATES))), (1, 0, 2))
    return xp.reshape(laid, (there.shape[0], -1))


def _relative(loudness: Array, there: Array) -> Array:
    return loudness / mean_and_deviation(loudness[:, None, :], there)[0]
