"""The features of the set `native` in acoustic words.

A feature's name is descriptor, frames, statistic; what measures the whole, such as rhythm, has a
name of its own. Units are those of the set's own tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from affectspace.explain.families import Word
from affectspace.features.native.bands import BANDS, CEPSTRA, centres
from affectspace.features.native.descriptors import DESCRIPTORS
from affectspace.features.native.shape import ROLL_OFFS
from affectspace.features.native.summary import FEATURES, RATES


class _About(NamedTuple):
    """A descriptor in words."""

    text: str
    family: str
    sign: int = 0
    variation: str = ""  # the family of its ups and downs, where that isn't its own


_BRIGHT = ("spectral balance", 1, "timbre variation")
_DARK = ("spectral balance", -1, "timbre variation")
_SPECTRAL = ("spectral balance", 0, "timbre variation")
_ROUGH, _CLEAR = ("voice quality", 1), ("voice quality", -1)
_LOUD = ("loudness", 1, "loudness variation")

_ABOUT: Mapping[str, _About] = {
    **{
        f"mfcc{k}": _About(f"MFCC {k}", "timbre", 0, "timbre variation")
        for k in range(1, CEPSTRA + 1)
    },
    "alpha_ratio": _About("alpha ratio (low over high)", *_DARK),
    "hammarberg_index": _About("Hammarberg index", *_DARK),
    "slope_0_500": _About("spectral slope 0-500 Hz", *_BRIGHT),
    "slope_500_1500": _About("spectral slope 500-1500 Hz", *_BRIGHT),
    "slope_1500_5000": _About("spectral slope 1500-5000 Hz", *_BRIGHT),
    "centroid": _About("spectral centroid", *_BRIGHT),
    "spread": _About("spectral spread", *_SPECTRAL),
    "skewness": _About("spectral skewness", *_DARK),
    "entropy": _About("spectral entropy", *_SPECTRAL),
    **{
        f"roll_off{round(100 * share)}": _About(
            f"{round(100 * share)} % roll-off frequency", *_BRIGHT
        )
        for share in ROLL_OFFS
    },
    "flux": _About("relative spectral flux", "timbre variation", 1),
    "loudness": _About("loudness", *_LOUD),
    "log_loudness": _About("loudness (log)", *_LOUD),
    "periodicity": _About("periodicity", *_CLEAR),
    "pitch": _About("pitch", "pitch", 1, "pitch variation"),
    "cepstral_prominence": _About("cepstral peak prominence", *_CLEAR),
    "harmonics_to_noise": _About("harmonics-to-noise ratio", *_CLEAR),
    "log_jitter": _About("jitter (log)", *_ROUGH),
    "log_shimmer": _About("shimmer (log)", *_ROUGH),
    "h1_h2": _About("H1-H2", "voice quality"),
    "h1_h4": _About("H1-H4", "voice quality"),
    "h1_a1": _About("H1-A1", "voice quality"),
    "h1_a2": _About("H1-A2", *_DARK),
    "h1_a3": _About("H1-A3", *_DARK),
    **{f"formant{k}": _About(f"F{k} frequency", "formants", 1) for k in (1, 2, 3)},
    **{f"log_bandwidth{k}": _About(f"F{k} bandwidth (log)", "formants") for k in (1, 2, 3)},
    **{f"formant_level{k}": _About(f"F{k} amplitude", "formants") for k in (1, 2, 3)},
}

_PARTS = {
    "voiced": " in voiced parts",
    "unvoiced": " in unvoiced speech",
    "speech": " in speech",
}
_OF_VOICE = frozenset(descriptor.name for descriptor in DESCRIPTORS if descriptor.of_voice)

_STRETCHES = {
    "speech": "stretches of speech",
    "pause": "pauses",
    "voiced": "voiced segments",
    "unvoiced": "unvoiced segments",
}
_LENGTHS = {"speech": 0, "pause": -1, "voiced": -1, "unvoiced": -1}  # whether longer is slower

_WHOLE: Mapping[str, Word] = {
    word.feature: word
    for word in (
        Word("speech_rate", "tempo", "stretches of speech per second", "1/s"),
        Word("voiced_rate", "tempo", "voiced segments per second", "1/s", 1),
        Word("speech_portion", "tempo", "share of speech"),
        Word("voiced_portion", "tempo", "share of voiced parts"),
        Word("swell_rate", "tempo", "loudness peaks per second", "1/s", 1),
        Word("swell_height", "loudness variation", "height of loudness peaks over the mean", "", 1),
        Word("swell_rise", "loudness variation", "steepness of rising loudness", "", 1),
        Word("swell_fall", "loudness variation", "steepness of falling loudness", "", 1),
        Word(
            *("pitch_range80", "pitch variation", "range of pitch (10th to 90th percentile)"),
            *("semitones", 1),
        ),
        Word(
            *("pitch_range60", "pitch variation", "range of pitch (20th to 80th percentile)"),
            *("semitones", 1),
        ),
    )
}


@cache
def native_words() -> Mapping[str, Word]:
    """Say what each feature of the set `native` measures, by its name.

    Examples:
        >>> word = native_words()["pitch_sd"]
        >>> word.family, word.text, word.unit, word.sign
        ('pitch variation', 'deviation of pitch', 'semitones', 1)
        >>> native_words()["band12_voiced_mean"].text
        'mean level at 1.5 kHz in voiced parts'
    """
    about = {**_ABOUT, **_bands()}
    known = {**_WHOLE, **_lengths(), **_swings()}
    units = {feature.name: feature.unit for feature in FEATURES}
    found = (known.get(name) or _word(name, unit, about) for name, unit in units.items())
    return {word.feature: word for word in found if word is not None}


def _word(name: str, unit: str, about: Mapping[str, _About]) -> Word | None:
    """A statistic of a descriptor's frames; None where that has no words, which a test finds."""
    head, _, statistic = name.rpartition("_")
    start, _, part = head.rpartition("_")
    descriptor, where = (start, _PARTS[part]) if part in _PARTS else (head, "")
    what = about.get(descriptor)
    if what is None:
        return None
    text = what.text + ("" if descriptor in _OF_VOICE else where)
    own = unit and ("semitones above 27.5 Hz" if descriptor == "pitch" else unit)
    varies = what.variation or what.family, int(bool(what.variation))
    if statistic == "mean":
        return Word(name, what.family, f"mean {text}", own, what.sign)
    if statistic == "sd":
        return Word(name, varies[0], f"deviation of {text}", unit, varies[1])
    if statistic == "change":
        per = unit and f"{unit} per 20 ms"
        return Word(name, varies[0], f"mean change of {text}", per, varies[1])
    percent = statistic.removeprefix("p")
    return Word(name, what.family, f"{text}, {percent}th percentile", own, what.sign)


def _bands() -> dict[str, _About]:
    shown = [f"{hz / 1000:.1f} kHz" if hz >= 1000 else f"{hz:.0f} Hz" for hz in centres()]
    return {
        f"band{k}": _About(f"level at {at}", *_SPECTRAL)
        for k, at in zip(range(1, BANDS + 1), shown, strict=True)
    }


def _lengths() -> dict[str, Word]:
    found = {}
    for kind, stretches in _STRETCHES.items():
        mean, deviation = f"{kind}_mean_length", f"{kind}_sd_length"
        found[mean] = Word(mean, "tempo", f"mean length of {stretches}", "s", _LENGTHS[kind])
        found[deviation] = Word(deviation, "tempo", f"deviation of the lengths of {stretches}", "s")
    return found


def _swings() -> dict[str, Word]:
    """How much contours swing at a rate: rhythm, which is neither more nor less of a family."""
    found = {}
    for contour in ("loudness", "log_loudness", "pitch"):
        what = _ABOUT[contour]
        for rate in RATES:
            name = f"{contour}_swing_{rate:g}"
            found[name] = Word(name, what.variation, f"swing of {what.text} at {rate:g} Hz")
    return found
