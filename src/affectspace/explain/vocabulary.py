"""Feature names in acoustic words: what each measures, in which unit, and its family.

The features of `native` are described one by one, from its table of descriptors. The names of
openSMILE's sets have one form, descriptor + smoothing + statistic, so that two short tables say
what the 88 features of `egemaps`, the 46 of `egemaps-lld` and the 6,373 of `compare` are. So has a
composite's feature (`native:...`). Another name, such as that of a dimension of a speech encoder or
a column of somebody's own table, stays as it is, in the family `other`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectspace.explain.families import FAMILIES, Family, Word
from affectspace.explain.native_words import native_words


class _Descriptor(NamedTuple):
    """What openSMILE measures frame by frame."""

    text: str
    family: str
    sign: int = 0
    unit: str = ""
    variation: str = ""  # the family of its ups and downs, where that isn't its own


class _Statistic(NamedTuple):
    """What becomes of the frames; `kind` is how it carries the descriptor's unit and direction."""

    text: str
    kind: str


_PITCH = ("pitch", 1)
_LOUD = ("loudness", 1, "", "loudness variation")
_ROUGH, _CLEAR = ("voice quality", 1), ("voice quality", -1)
_BRIGHT, _DARK = ("spectral balance", 1), ("spectral balance", -1)

_DESCRIPTORS: Mapping[str, _Descriptor] = {
    "F0semitoneFrom27.5Hz": _Descriptor(
        "pitch", *_PITCH, "semitones above 27.5 Hz", "pitch variation"
    ),
    "F0final": _Descriptor("pitch", *_PITCH, "Hz", "pitch variation"),
    "loudness": _Descriptor("loudness", *_LOUD),
    "Loudness": _Descriptor("loudness", *_LOUD),
    "audspec_lengthL1norm": _Descriptor("auditory loudness", *_LOUD),
    "audspecRasta_lengthL1norm": _Descriptor("RASTA loudness", *_LOUD),
    "pcm_RMSenergy": _Descriptor("energy", *_LOUD),
    "spectralFlux": _Descriptor("spectral flux", "loudness variation", 1),
    "pcm_fftMag_spectralFlux": _Descriptor("spectral flux", "loudness variation", 1),
    "jitterLocal": _Descriptor("jitter", *_ROUGH),
    "jitterDDP": _Descriptor("jitter (DDP)", *_ROUGH),
    "shimmerLocaldB": _Descriptor("shimmer", *_ROUGH, "dB"),
    "shimmerLocal": _Descriptor("shimmer", *_ROUGH),
    "HNRdBACF": _Descriptor("harmonics-to-noise ratio", *_CLEAR, "dB"),
    "logHNR": _Descriptor("harmonics-to-noise ratio (log)", *_CLEAR),
    "voicingFinalUnclipped": _Descriptor("voicing probability", *_CLEAR),
    "pcm_fftMag_spectralHarmonicity": _Descriptor("spectral harmonicity", "voice quality"),
    "logRelF0-H1-H2": _Descriptor("H1-H2", "voice quality", 0, "dB"),
    "logRelF0-H1-A3": _Descriptor("H1-A3", *_DARK, "dB"),
    "alphaRatio": _Descriptor("alpha ratio", *_BRIGHT, "dB"),
    "hammarbergIndex": _Descriptor("Hammarberg index", *_DARK, "dB"),
    "slope0-500": _Descriptor("spectral slope 0-500 Hz", *_BRIGHT, "dB/Hz"),
    "slope500-1500": _Descriptor("spectral slope 500-1500 Hz", *_BRIGHT, "dB/Hz"),
    "pcm_zcr": _Descriptor("zero-crossing rate", *_BRIGHT),
    "pcm_fftMag_fband250-650": _Descriptor("energy 250-650 Hz", "spectral balance"),
    "pcm_fftMag_fband1000-4000": _Descriptor("energy 1-4 kHz", "spectral balance"),
    **{
        f"pcm_fftMag_spectralRollOff{share}.0": _Descriptor(
            f"{share} % roll-off frequency", *_BRIGHT, "Hz"
        )
        for share in (25, 50, 75, 90)
    },
    "pcm_fftMag_spectralCentroid": _Descriptor("spectral centroid", *_BRIGHT, "Hz"),
    "pcm_fftMag_psySharpness": _Descriptor("sharpness", *_BRIGHT),
    "pcm_fftMag_spectralSlope": _Descriptor("spectral slope", "spectral balance"),
    "pcm_fftMag_spectralEntropy": _Descriptor("spectral entropy", "spectral balance"),
    "pcm_fftMag_spectralVariance": _Descriptor("spectral variance", "spectral balance"),
    "pcm_fftMag_spectralSkewness": _Descriptor("spectral skewness", *_DARK),
    "pcm_fftMag_spectralKurtosis": _Descriptor("spectral kurtosis", *_DARK),
    "audSpec_Rfilt": _Descriptor("auditory band", "spectral balance"),
    "mfcc": _Descriptor("MFCC", "timbre"),
    **{f"mfcc{i}": _Descriptor(f"MFCC {i}", "timbre") for i in range(15)},
    **{f"F{i}frequency": _Descriptor(f"F{i} frequency", "formants", 1, "Hz") for i in (1, 2, 3)},
    **{f"F{i}bandwidth": _Descriptor(f"F{i} bandwidth", "formants", 0, "Hz") for i in (1, 2, 3)},
    **{
        f"F{i}amplitudeLogRelF0": _Descriptor(f"F{i} amplitude", "formants", 0, "dB")
        for i in (1, 2, 3)
    },
}

_STATISTICS: Mapping[str, _Statistic] = {
    **dict.fromkeys(("amean", "mean"), _Statistic("mean {}", "level")),
    "posamean": _Statistic("mean positive {}", "level"),
    "rqmean": _Statistic("quadratic mean {}", "level"),
    **{
        f"percentile{p}.0": _Statistic(f"{{}}, {p}th percentile", "level") for p in (20, 50, 80, 99)
    },
    "percentile1.0": _Statistic("{}, 1st percentile", "level"),
    "quartile1": _Statistic("lower quartile of {}", "level"),
    "quartile2": _Statistic("median {}", "level"),
    "quartile3": _Statistic("upper quartile of {}", "level"),
    "peakMeanAbs": _Statistic("mean peak of {}", "level"),
    "stddevNorm": _Statistic("relative deviation of {}", "relative"),
    **dict.fromkeys(("stddev", "std"), _Statistic("deviation of {}", "spread")),
    "pctlrange0-2": _Statistic("range of {} (20th to 80th percentile)", "spread"),
    "pctlrange0-1": _Statistic("range of {} (1st to 99th percentile)", "spread"),
    "range": _Statistic("range of {}", "spread"),
    "iqr1-2": _Statistic("{}, lower quartile to median", "spread"),
    "iqr2-3": _Statistic("{}, median to upper quartile", "spread"),
    "iqr1-3": _Statistic("{}, interquartile range", "spread"),
    "peakRangeAbs": _Statistic("range of the peaks of {}", "spread"),
    "linregerrQ": _Statistic("squared error of a line through {}", "change"),
    "qregerrQ": _Statistic("squared error of a parabola through {}", "change"),
    **{
        f"{part}{way.title()}Slope": _Statistic(text.format(way), "slope")
        for part, text in (
            ("mean", "mean {} slope of {{}}"),
            ("stddev", "deviation of the {} slopes of {{}}"),
        )
        for way in ("rising", "falling")
    },
}
"""Statistics that are not here describe the course over time, under openSMILE's own name."""

_WHOLE: Mapping[str, Word] = {
    word.feature: word
    for word in (
        Word("loudnessPeaksPerSec", "tempo", "loudness peaks per second", "1/s", 1),
        Word("VoicedSegmentsPerSec", "tempo", "voiced segments per second", "1/s", 1),
        Word("MeanVoicedSegmentLengthSec", "tempo", "mean length of voiced segments", "s", -1),
        Word(
            "StddevVoicedSegmentLengthSec",
            "tempo",
            "deviation of the lengths of voiced segments",
            "s",
        ),
        Word("MeanUnvoicedSegmentLength", "tempo", "mean length of unvoiced segments", "s", -1),
        Word(
            "StddevUnvoicedSegmentLength",
            "tempo",
            "deviation of the lengths of unvoiced segments",
            "s",
        ),
        Word("equivalentSoundLevel_dBp", "loudness", "equivalent sound level", "dB", 1),
    )
}

_FORM = re.compile(
    r"(?P<descriptor>.+?)_sma(?P<smoothing>3nz|3)?(?P<change>_de)?(\[(?P<band>\d+)\])?"
    r"_(?P<statistic>.+)"
)
_VOICED = re.compile(r"(?P<head>alphaRatio|hammarbergIndex|slope|spectralFlux|mfcc\d)(?P<part>U?V)")
_PREFIX = re.compile(r"[a-z][\w.-]*:(?=.)")


def words(features: Iterable[str]) -> list[Word]:
    """Say what features measure.

    Args:
        features: their names, in any set's form.

    Returns:
        One per feature, in their order.

    Examples:
        >>> word, = words(["egemaps:F0semitoneFrom27.5Hz_sma3nz_percentile50.0"])
        >>> word.family, word.text, word.unit, word.sign
        ('pitch', 'pitch, 50th percentile', 'semitones above 27.5 Hz', 1)
        >>> [word.text for word in words(["jitterLocal_sma_de_iqr1-3", "dim7"])]
        ['change of jitter, interquartile range', 'dim7']
    """
    return [_word(str(feature)) for feature in features]


def families_of(known: Sequence[Word]) -> list[Family]:
    """The families that features belong to, in the order of `FAMILIES`."""
    there = {word.family for word in known}
    return [family for name, family in FAMILIES.items() if name in there]


def membership(known: Sequence[Word]) -> npt.NDArray[np.float64]:
    """Which feature belongs to which family: 0 or 1, shape (f, families), as `families_of`."""
    names = [family.name for family in families_of(known)]
    return np.array([[word.family == name for name in names] for word in known], float).reshape(
        len(known), len(names)
    )


def directions(known: Sequence[Word]) -> npt.NDArray[np.float64]:
    """Weights that make a family's score of its features: shape (f, families), as `families_of`.

    The score is the mean of the family's features that have a direction, each in deviations and
    with its sign. The column of a family without any is NaN.
    """
    signs = np.array([word.sign for word in known], float)
    signed = membership(known) * signs[:, None]
    counts = np.abs(signed).sum(axis=0)
    out: npt.NDArray[np.float64] = np.where(counts > 0, signed / np.maximum(counts, 1), np.nan)
    return out


@lru_cache(maxsize=2**15)
def _word(feature: str) -> Word:
    plain = _PREFIX.sub("", feature, count=1)
    for whole in (_WHOLE, native_words()):
        if plain in whole:
            return whole[plain]._replace(feature=feature)
    form = _FORM.fullmatch(plain)
    descriptor = form and _descriptor(form["descriptor"], form["band"])
    if not form or not descriptor:
        return Word(feature, "other", feature)
    if form["statistic"].startswith("ff0_"):  # of the segments that have a pitch
        return Word(feature, "tempo", f"voiced segments: {form['statistic'].removeprefix('ff0_')}")
    named = form["statistic"]
    statistic = _STATISTICS.get(named, _Statistic(f"{named} of {{}}", "course"))
    text = f"change of {descriptor.text}" if form["change"] else descriptor.text
    if statistic.kind == "level" and not form["change"]:
        family, sign = descriptor.family, descriptor.sign
    else:
        family = descriptor.variation or descriptor.family
        sign = _sign_of_variation(descriptor, statistic, changes=bool(form["change"]))
    unit = _unit(descriptor.unit, statistic.kind) if not form["change"] else ""
    return Word(feature, family, statistic.text.format(text), unit, sign)


def _descriptor(name: str, band: str | None) -> _Descriptor | None:
    part = _VOICED.match(name)
    bare = name.replace(part["part"], "", 1) if part else name
    found = _DESCRIPTORS.get(bare)
    if found is None:
        return None
    text = found.text if band is None else f"{found.text} {band}"
    if part:
        text += " in voiced parts" if part["part"] == "V" else " in unvoiced parts"
    return found._replace(text=text)


def _sign_of_variation(descriptor: _Descriptor, statistic: _Statistic, *, changes: bool) -> int:
    """1 for the spread of what has a family of variation; the course over time says nothing."""
    spreads = statistic.kind in ("relative", "spread", "slope", "change")
    return int(
        bool(descriptor.variation) and spreads and not (changes and statistic.kind != "spread")
    )


def _unit(unit: str, kind: str) -> str:
    """The statistic's unit from the descriptor's; a range has no reference, as a level may have."""
    if not unit or kind in ("relative", "course", "change"):
        return ""
    plain = unit.partition(" above ")[0]
    return {"level": unit, "spread": plain, "slope": f"{plain}/s"}[kind]
