"""Formants of the set `native` on vowels whose formants are known, beside Praat's and openSMILE's.

Vowels and glides of Peterson and Barney (1952), spoken by made tracts of three sizes at several
pitches, in three voice types, as they are and in pink noise. Errors are medians of the absolute
difference in Hz for the formants 1, 2, and 3, and the share that is off by more than 200 Hz (in
brackets); bandwidths are given as the median ratio to the truth. Then what it costs.

Praat's columns need praat-parselmouth.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectspace.features import opensmile
from affectspace.features.native.formants import formants
from affectspace.features.native.hops import HOP, cut
from affectspace.synthesis.vowels import VOICE_TYPES, Vowel, synthesise_vowel
from benchmarks._common import machine, markdown, parser

VOWELS = {  # Peterson and Barney (1952), men
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "ae": (660, 1720, 2410),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
UPPER = (3500, 4500, 5500, 6500)
BANDWIDTHS = np.array([60.0, 90.0, 150.0, 200.0, 250.0, 300.0, 450.0])
SPEAKERS = {
    "man": (1.0, (90, 130, 170)),
    "woman": (1.15, (170, 220, 280)),
    "child": (1.3, (250, 330)),
}
RATIOS = {"clean": np.inf, "25 dB": 25.0, "15 dB": 15.0}
EDGE = 6  # frames that are left out at either end
WIDE = 200.0  # Hz

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A vowel, what it is, and what was measured: name -> (frequencies, bandwidths)."""

    vowel: Vowel
    kinds: tuple[str, ...]
    measured: dict[str, tuple[Values, Values]]


def main(arguments: Sequence[str] = ()) -> None:
    parser(__doc__).parse_args(arguments)
    print(machine())
    cases = list(_cases())
    measured = list(cases[0].measured)
    kinds = list(
        dict.fromkeys(
            kind for group in zip(*(c.kinds for c in cases), strict=True) for kind in group
        )
    )
    rows = [["all", *(_errors(cases, name) for name in measured)]]
    for kind in kinds:
        some = [case for case in cases if kind in case.kinds]
        rows.append([kind, *(_errors(some, name) for name in measured)])
    print(f"\nFormants of {len(cases)} vowels, Hz:\n\n{markdown(['', *measured], rows)}")
    clean = [case for case in cases if "clean" in case.kinds]
    rows = [[name, *_widths(clean, name)] for name in measured]
    print(f"\nBandwidths, clean:\n\n{markdown(['', 'B1', 'B2', 'B3'], rows)}\n\n{cost(cases)}")


def _cases() -> Iterable[Case]:
    rng = np.random.default_rng(0)
    for speaker, (scale, pitches) in SPEAKERS.items():
        for pitch in pitches:
            for kind, voice in VOICE_TYPES.items():
                for ratio, decibels in RATIOS.items():
                    for name in VOWELS:
                        other = str(rng.choice(list(VOWELS)))
                        ends = scale * np.array([[*VOWELS[one], *UPPER] for one in (name, other)])
                        made = synthesise_vowel(
                            np.minimum(ends, 7800),
                            BANDWIDTHS,
                            pitch=(1.1 * pitch, 0.9 * pitch),
                            voice=voice,
                            seed=int(rng.integers(1 << 30)),
                        )
                        noisy = made.samples + _pink(rng, made.samples, decibels)
                        way = "steady" if other == name else "glide"
                        yield Case(
                            made,
                            (speaker, f"{pitch} Hz", kind, ratio, f"from {name}", way),
                            {one: measure(noisy) for one, measure in MEASURES.items()},
                        )


def _pink(
    rng: np.random.Generator, samples: NDArray[np.float32], ratio: float
) -> NDArray[np.float32]:
    n = len(samples)
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 20))
    noise = np.fft.irfft(spectrum, n)
    gain = 10 ** (-ratio / 20) * samples.std() / noise.std()
    return (gain * noise).astype(np.float32)


def _native(samples: NDArray[np.float32]) -> tuple[Values, Values]:
    found = formants(cut([samples]))
    return found.frequency.astype(np.float64), found.bandwidth.astype(np.float64)


def _praat(samples: NDArray[np.float32]) -> tuple[Values, Values]:
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), 16_000)
    found = sound.to_formant_burg(time_step=0.01, max_number_of_formants=5, maximum_formant=5500)
    times = (np.arange(len(samples) // HOP) + 0.5) * HOP / 16_000
    read = (found.get_value_at_time, found.get_bandwidth_at_time)
    values = np.array([[[one(k, time) for k in (1, 2, 3)] for time in times] for one in read])
    return values[0], values[1]


def _opensmile(samples: NDArray[np.float32]) -> tuple[Values, Values]:
    """Return openSMILE's formants, whose frames come 5 ms later, for what 5 ms are worth."""
    config = ("egemaps/v02/eGeMAPSv02", "lld")
    names = opensmile.names(*config)
    values = opensmile.run(*config, samples).astype(np.float64)
    missing = np.full((len(samples) // HOP - len(values), values.shape[1]), np.nan)
    values = np.concatenate([values, missing])
    columns = [
        [names.index(f"F{k}{what}_sma3nz") for k in (1, 2, 3)]
        for what in ("frequency", "bandwidth")
    ]
    return values[:, columns[0]], values[:, columns[1]]


MEASURES: dict[str, Callable[[NDArray[np.float32]], tuple[Values, Values]]] = {
    "native": _native,
    "Praat": _praat,
    "openSMILE": _opensmile,
}


def _errors(cases: Sequence[Case], name: str) -> str:
    off = np.concatenate(
        [np.abs(c.measured[name][0] - c.vowel.frequencies[:, :3])[EDGE:-EDGE] for c in cases]
    )
    off = off[np.isfinite(off).all(axis=1)]
    middle, gross = np.median(off, axis=0), np.mean(off > WIDE, axis=0)
    return ", ".join(
        f"{hertz:.0f} ({share:.1%})" for hertz, share in zip(middle, gross, strict=True)
    )


def _widths(cases: Sequence[Case], name: str) -> list[str]:
    ratio = np.concatenate(
        [(c.measured[name][1] / c.vowel.bandwidths[:3])[EDGE:-EDGE] for c in cases]
    )
    return [f"{one:.2f}" for one in np.nanmedian(ratio, axis=0)]


def cost(cases: Sequence[Case]) -> str:
    """Time 3 s of speech of which half is voiced, and many at once."""
    clip = np.concatenate([case.vowel.samples for case in cases[:6]])
    lines = []
    for count in (1, 50):
        hops = cut([clip] * count)
        voiced = np.arange(sum(hops.counts)) % 40 < 20
        took = []
        for _ in range(100 // count + 5):
            started = time.process_time()
            formants(hops, voiced)
            took.append(time.process_time() - started)
        each = 1e6 * np.array([min(took), np.median(took)]) / len(voiced)
        lines.append(
            f"{count} x 3 s, half voiced: {each[0]:.1f} us a frame at best, {each[1]:.1f} median"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
