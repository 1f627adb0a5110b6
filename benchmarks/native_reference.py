"""Descriptors of the set `native` against openSMILE's eGeMAPSv02 and Praat, on recordings.

Part `descriptors`: Pearson's r with each of openSMILE's 25 low-level descriptors, over all frames
where they are about any frame, and over those that both call voiced. openSMILE's frames of 20 ms
have their centres 5 ms after ours, those of 60 ms 25 ms after; what comes of single periods comes
15 ms before. The signals are moved by so much, which was best for all corpora. openSMILE averages
over three frames, over voiced ones where a name ends in nz; so is done with ours.

A "miscounted" slope divides by one bin less than there are. So openSMILE's does, as regression of
its values on spectra shows, and so they move with the level, which ours don't.

Part `formants`: distance from Praat's formants (Burg, five below 5.5 kHz) of ours and of
openSMILE's, on frames that all three call voiced.

Pitch and voice quality have a benchmark of their own, `native_voice`.

With AFFECTSPACE_DATA samples of three corpora, without it made voices. Needs praat-parselmouth.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import read_audio
from affectspace.audio.checks import clip
from affectspace.errors import AudioError
from affectspace.features import opensmile
from affectspace.features.native import bands, harmonics, pitch, quality, shape
from affectspace.features.native.formants import formants
from affectspace.features.native.hops import HOP, cut
from affectspace.features.native.spectrum import frequencies
from benchmarks._common import chosen, collections, machine, markdown, parser

CORPORA = ("emodb", "urdu", "emotale")
CONFIG, LEVEL = "egemaps/v02/eGeMAPSv02", "lld"
SHORT, LONG, PERIODS = 80, 400, -240  # samples by which openSMILE's frames come later than ours
CEILING = 5500  # Hz, Praat's
F0 = "F0semitoneFrom27.5Hz_sma3nz"

Values = NDArray[np.float64]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """A recording, and what was measured on it, by openSMILE's names."""

    samples: Samples
    ours: dict[str, Values]
    theirs: dict[str, Values]


def main(arguments: Sequence[str] = ()) -> None:
    parts: dict[str, Callable[[dict[str, list[Recording]]], str]] = {
        "descriptors": descriptors_table,
        "formants": formants_table,
    }
    options = parser(__doc__, parts=list(parts))
    options.add_argument("--files", type=int, default=60, help="per corpus; 0 takes all")
    options.add_argument("--seed", type=int, default=0, help="of the samples")
    wanted = options.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        found = {
            title: _measure(files)
            for title, files in collections(CORPORA, Path(scratch), wanted.files, wanted.seed)
        }
    for part in chosen(wanted.parts, parts):
        print(f"\n### {part}\n\n{parts[part](found)}", flush=True)


def _measure(files: Sequence[str]) -> list[Recording]:
    recordings = []
    for file in files:
        try:
            samples = clip(read_audio(file).samples)
        except AudioError:
            continue
        measured = opensmile.run(CONFIG, LEVEL, samples).astype(np.float64)
        theirs = dict(zip(opensmile.names(CONFIG, LEVEL), measured.T, strict=True))
        ours = {
            **short_descriptors(_moved(samples, SHORT)),
            **voice_descriptors(_moved(samples, LONG)),
            **period_descriptors(_moved(samples, PERIODS)),
        }
        n = min(len(each) for each in (measured, *ours.values()))
        recordings.append(
            Recording(
                samples,
                {name: _of_three(values)[:n] for name, values in ours.items()},
                {name: values[:n] for name, values in theirs.items()},
            )
        )
    return recordings


def _moved(samples: Samples, shift: int) -> Samples:
    return (
        samples[shift:] if shift >= 0 else np.concatenate([np.zeros_like(samples[shift:]), samples])
    )


def short_descriptors(samples: Samples) -> dict[str, Values]:
    """Measure what openSMILE measures on frames of 20 ms."""
    hops = cut([samples])
    power = shape.short_spectrum(hops)
    level = shape.decibels(power)
    powers = bands.band_powers(power)
    cepstra = bands.cepstra(shape.decibels(powers))
    found = formants(hops, pitch.voice(hops).voiced)
    there = np.where(found.found, found.frequency, np.nan)
    width = np.where(found.found, found.bandwidth, np.nan)
    return {
        "Loudness_sma3": bands.specific_loudness(powers).sum(axis=1),
        "alphaRatio_sma3": -shape.alpha_ratio(power),
        "hammarbergIndex_sma3": shape.hammarberg_index(power),
        "slope0-500_sma3": shape.slope(level, 0, 500),
        "slope500-1500_sma3": shape.slope(level, 500, 1500),
        "slope0-500_sma3, miscounted": _miscounted_slope(level, 0, 500),
        "slope500-1500_sma3, miscounted": _miscounted_slope(level, 500, 1500),
        "spectralFlux_sma3": shape.change(np.sqrt(power), hops),
        **{f"mfcc{k}_sma3": cepstra[:, k - 1] for k in (1, 2, 3, 4)},
        **{f"F{k}frequency_sma3nz": there[:, k - 1] for k in (1, 2, 3)},
        **{f"F{k}bandwidth_sma3nz": width[:, k - 1] for k in (1, 2, 3)},
    }


def _miscounted_slope(level: Values, lowest: float, highest: float) -> Values:
    """Return a slope up to a factor, by least squares with one bin less in the count."""
    bins = np.flatnonzero(
        (frequencies(shape.SIZE) >= lowest) & (frequencies(shape.SIZE) <= highest)
    )
    return level[:, bins] @ (bins - bins.sum() / (len(bins) - 1))


def voice_descriptors(samples: Samples) -> dict[str, Values]:
    """Measure what openSMILE measures on frames of 60 ms; NaN on unvoiced frames."""
    hops = cut([samples])
    voice = pitch.voice(hops)
    found = formants(hops, voice.voiced)
    differences = harmonics.formant_differences(
        voice, np.where(found.found, found.frequency, np.nan)
    )
    hertz = np.where(voice.voiced, voice.f0, np.nan)
    return {
        F0: 12 * np.log2(hertz / 27.5),
        "HNRdBACF_sma3nz": np.where(voice.voiced, quality.harmonics_to_noise(voice), np.nan),
        "logRelF0-H1-H2_sma3nz": harmonics.harmonic_difference(voice, 2),
        "logRelF0-H1-A3_sma3nz": differences[:, 2],
        **{f"F{k}amplitudeLogRelF0_sma3nz": -differences[:, k - 1] for k in (1, 2, 3)},
    }


def period_descriptors(samples: Samples) -> dict[str, Values]:
    """Measure what differs from period to period; NaN on unvoiced frames."""
    hops = cut([samples])
    jitter, shimmer = quality.irregularity(hops, pitch.voice(hops))
    return {"jitterLocal_sma3nz": jitter, "shimmerLocaldB_sma3nz": shimmer}


def _of_three(values: Values) -> Values:
    """Average over three frames, those that are NaN left out; NaN stays where the middle is."""
    there = np.isfinite(values)
    total, count = (
        np.convolve(each, np.ones(3), "same") for each in (np.where(there, values, 0.0), there)
    )
    return np.where(there, total / np.maximum(count, 1), np.nan)


def descriptors_table(found: dict[str, list[Recording]]) -> str:
    """Correlate each of openSMILE's descriptors with ours."""
    rows = []
    for name in next(iter(found.values()))[0].theirs:
        for ours in (name, f"{name}, miscounted"):
            if ours in next(iter(found.values()))[0].ours:
                cells = [_correlation(recordings, ours, name) for recordings in found.values()]
                rows.append([ours, *cells])
    return "r over all frames / voiced ones\n\n" + markdown(["", *found], rows)


def _correlation(recordings: Sequence[Recording], ours: str, theirs: str) -> str:
    both = np.concatenate(
        [
            np.stack([one.ours[ours], one.theirs[theirs], one.theirs[F0] * (one.ours[F0] > 0)])
            for one in recordings
        ],
        axis=1,
    )
    both = both[:, np.isfinite(both).all(axis=0)]
    voiced = f"{np.corrcoef(both[:2, both[2] > 0])[0, 1]:.3f}"
    return voiced if ours.endswith("nz") else f"{np.corrcoef(both[:2])[0, 1]:.3f} / {voiced}"


def formants_table(found: dict[str, list[Recording]]) -> str:
    """Tell how far formants are from Praat's."""
    rows = []
    for title, recordings in found.items():
        praat = [_praat_formants(one) for one in recordings]
        for side in ("ours", "theirs"):
            row = [f"{title}, {'native' if side == 'ours' else 'openSMILE'}"]
            for name in praat[0]:
                both = np.concatenate(
                    [
                        np.stack([getattr(one, side)[name], by_praat[name]])[:, _formed(one)]
                        for one, by_praat in zip(recordings, praat, strict=True)
                    ],
                    axis=1,
                )
                both = both[:, np.isfinite(both).all(axis=0)]
                off = np.median(np.abs(both[0] - both[1]))
                row.append(f"{off:.0f} ({np.corrcoef(both)[0, 1]:.2f})")
            rows.append(row)
    columns = [f"{what}{k}" for what in "FB" for k in (1, 2, 3)]
    return "Median of absolute differences in Hz (r)\n\n" + markdown(["", *columns], rows)


def _formed(one: Recording) -> NDArray[np.bool_]:
    """Tell which frames have formants, ours and openSMILE's, and are voiced by both."""
    ours, theirs = one.ours["F3frequency_sma3nz"], one.theirs["F3frequency_sma3nz"]
    return np.isfinite(ours) & np.isfinite(one.ours[F0]) & (one.theirs[F0] > 0) & (theirs > 0)


def _praat_formants(one: Recording) -> dict[str, Values]:
    import parselmouth

    sound = parselmouth.Sound(one.samples.astype(np.float64), 16_000)
    found = sound.to_formant_burg(time_step=0.01, max_number_of_formants=5, maximum_formant=CEILING)
    times = ((np.arange(len(one.ours[F0])) + 0.5) * HOP + SHORT) / 16_000
    read = {"frequency": found.get_value_at_time, "bandwidth": found.get_bandwidth_at_time}
    return {
        f"F{k}{what}_sma3nz": np.array([get(k, time) for time in times])
        for what, get in read.items()
        for k in (1, 2, 3)
    }


if __name__ == "__main__":
    main(sys.argv[1:])
