"""The voice in the set `native` against Praat and openSMILE: pitch, quality, harmonics; its cost.

On recordings of the corpora in the folder that AFFECTSPACE_DATA names, 60 of each, and on made
voices whose values are known. Praat (parselmouth) is asked for frames at the very places of ours:
its time step is 5 ms, every second of its frames is taken. openSMILE's frames of 60 ms (eGeMAPSv02,
descriptors) have their centres halfway between two of ours, so two of them are averaged. Frames
that one of the two calls unvoiced are left out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from affectspace.features.native import harmonics, pitch, quality
from affectspace.features.native.hops import HOP, RATE, cut
from benchmarks import _common

CORPORA = ("emodb", "urdu", "emotale")
FILES = 60
LOWEST, HIGHEST = 60.0, 600.0  # Hz that Praat looks for
F0 = "F0semitoneFrom27.5Hz_sma3nz"
Values = NDArray[np.floating]


class Heard(NamedTuple):
    """Descriptors by one program: of each frame, 0 Hz where unvoiced, and means of recordings."""

    f0: Values
    frames: dict[str, Values]
    recordings: dict[str, Values]


def main() -> None:
    options = _common.parser(__doc__, parts=tuple(PARTS)).parse_known_args()[0]
    wanted = [part for part in options.parts if part in PARTS]
    print(_common.machine())
    for name in _common.chosen(wanted, PARTS):
        print(f"\n### {name}\n")
        PARTS[name]()


# --- real speech ------------------------------------------------------------------------------


def compare_recordings() -> None:
    """Print how near ours, Praat's and openSMILE's values are to one another."""
    pitches, qualities = [], []
    for corpus in CORPORA:
        signals = recordings(corpus)
        if not signals:
            print(f"{corpus}: not there, left out")
            continue
        ours, praat, smile = hear(signals), hear_praat(signals), hear_opensmile(signals)
        pitches += [
            [corpus, "native, Praat", *near(ours.f0, praat.f0)],
            [corpus, "openSMILE, Praat", *near(smile.f0, praat.f0)],
            [corpus, "native, openSMILE", *near(ours.f0, smile.f0)],
        ]
        apart = (praat.f0 > 0) & (np.abs(smile.f0 / np.maximum(praat.f0, 1) - 1) > 0.2)
        agreed = np.where(apart | (praat.f0 == 0), 0, smile.f0)
        pitches.append([corpus, "native, openSMILE where Praat agrees", *near(ours.f0, agreed)])
        all_voiced = (ours.f0 > 0) & (praat.f0 > 0) & (smile.f0 > 0)
        for kind, name in (("cc", "Praat, cross-correlation"), ("ac", "Praat, autocorrelation")):
            other = praat.frames[f"hnr {kind}"]
            kept = all_voiced & (other > -100)
            row = [f"{correlation(x.frames['hnr'], other, kept):.2f}" for x in (ours, smile)]
            qualities.append([corpus, "HNR", name, *row])
        for measure in ("jitter", "shimmer"):
            other = praat.recordings[measure]
            kept = np.isfinite(other)
            row = [f"{correlation(x.recordings[measure], other, kept):.2f}" for x in (ours, smile)]
            qualities.append([corpus, f"{measure}, recordings' means", "Praat", *row])
        for measure in ("hnr", "jitter", "shimmer", "H1-H2", "H1-A3"):
            kept = (ours.f0 > 0) & (smile.f0 > 0) & np.isfinite(ours.frames[measure])
            r = correlation(ours.frames[measure], smile.frames[measure], kept)
            qualities.append([corpus, measure, "openSMILE", f"{r:.2f}", ""])
    columns = ["corpus", "who", "r", "r in semitones", "off by 20 %", "voicing alike", "frames"]
    print(_common.markdown(columns, pitches), "\n")
    columns = ["corpus", "what", "against", "r of native", "r of openSMILE"]
    print(_common.markdown(columns, qualities))


def recordings(corpus: str) -> list[NDArray[np.float32]]:
    """Return a sample of a corpus's recordings, whole hops of each."""
    from affectspace.audio import read_audio

    files = _common.corpus_files(corpus)
    chosen = np.random.default_rng(0).choice(len(files), min(FILES, len(files)), replace=False)
    signals = [read_audio(files[row]).samples for row in np.sort(chosen)]
    return [signal[: len(signal) // HOP * HOP] for signal in signals]


def near(one: Values, other: Values) -> list[str]:
    """Return how alike two tracks are, on frames that both call voiced."""
    both = (one > 0) & (other > 0)
    first, second = one[both], other[both]
    return [
        f"{np.corrcoef(first, second)[0, 1]:.3f}",
        f"{np.corrcoef(np.log(first), np.log(second))[0, 1]:.3f}",
        f"{100 * np.mean(np.abs(first / second - 1) > 0.2):.2f} %",
        f"{100 * np.mean((one > 0) == (other > 0)):.1f} %",
        f"{both.sum()}",
    ]


def correlation(one: Values, other: Values, kept: NDArray[np.bool_]) -> float:
    return float(np.corrcoef(one[kept], other[kept])[0, 1])


def hear(signals: list[NDArray[np.float32]]) -> Heard:
    hops = cut(signals)
    found = pitch.voice(hops)
    jitter, shimmer = quality.irregularity(hops, found)
    formants = np.concatenate(
        [
            beside(table, f"F{k}frequency_sma3nz", size)
            for k in (1, 2, 3)
            for table, size in _smile(signals)
        ]
    )
    formants = formants.reshape(3, -1).T.astype(np.float32)
    frames = {
        "hnr": quality.harmonics_to_noise(found),
        "jitter": jitter,
        "shimmer": shimmer,
        "H1-H2": harmonics.harmonic_difference(found, 2),
        "H1-A3": harmonics.formant_differences(found, formants)[:, 2],
    }
    return Heard(found.f0, frames, means(frames, signals, found.voiced))


def means(
    frames: dict[str, Values], signals: list[NDArray[np.float32]], voiced: NDArray[np.bool_]
) -> dict[str, Values]:
    """Return means of jitter and shimmer over each recording's voiced frames."""
    ends = np.cumsum([len(signal) // HOP for signal in signals])[:-1]
    return {
        name: np.array(
            [np.nanmean(part) for part in np.split(np.where(voiced, frames[name], np.nan), ends)]
        )
        for name in ("jitter", "shimmer")
    }


# --- Praat ------------------------------------------------------------------------------------


def hear_praat(signals: list[NDArray[np.float32]]) -> Heard:
    import parselmouth
    from parselmouth.praat import call

    f0, cross, auto, jitter, shimmer = [], [], [], [], []
    for signal in signals:
        sound = parselmouth.Sound(signal.astype(np.float64), RATE)
        count = len(signal) // HOP
        track = sound.to_pitch_ac(time_step=0.005, pitch_floor=LOWEST, pitch_ceiling=HIGHEST)
        f0.append(placed(track.xs(), track.selected_array["frequency"], count, 0.0))
        for into, method in ((cross, sound.to_harmonicity_cc), (auto, sound.to_harmonicity_ac)):
            found = method(time_step=0.005, minimum_pitch=LOWEST)
            into.append(placed(found.xs(), found.values[0], count, -200.0))
        points = call([sound, track], "To PointProcess (cc)")
        bounds = (0, 0, 0.0001, 0.02, 1.3)
        jitter.append(call(points, "Get jitter (local)", *bounds))
        shimmer.append(call([sound, points], "Get shimmer (local_dB)", *bounds, 1.6))
    frames = {"hnr cc": np.concatenate(cross), "hnr ac": np.concatenate(auto)}
    return Heard(
        np.concatenate(f0), frames, {"jitter": np.array(jitter), "shimmer": np.array(shimmer)}
    )


def placed(times: Values, values: Values, count: int, missing: float) -> Values:
    """Return the values at the centres of our frames."""
    centres = (np.arange(count) + 0.5) * HOP / RATE
    rows = np.rint((centres - times[0]) / 0.005).astype(int)
    known = (rows >= 0) & (rows < len(times))
    return np.where(known, values[np.clip(rows, 0, len(times) - 1)], missing)


# --- openSMILE --------------------------------------------------------------------------------


def hear_opensmile(signals: list[NDArray[np.float32]]) -> Heard:
    names = {
        "hnr": "HNRdBACF_sma3nz",
        "jitter": "jitterLocal_sma3nz",
        "shimmer": "shimmerLocaldB_sma3nz",
        "H1-H2": "logRelF0-H1-H2_sma3nz",
        "H1-A3": "logRelF0-H1-A3_sma3nz",
    }
    tables = _smile(signals)
    semitones = np.concatenate([beside(table, F0, size) for table, size in tables])
    both = np.concatenate([beside(table, "voiced", size) for table, size in tables]) == 1
    f0 = np.where(both, 27.5 * 2 ** (semitones / 12), 0.0)
    frames = {
        name: np.concatenate([beside(table, theirs, size) for table, size in tables])
        for name, theirs in names.items()
    }
    return Heard(f0, frames, means(frames, signals, both))


_TABLES: dict[int, list[tuple[dict[str, Values], int]]] = {}


def _smile(signals: list[NDArray[np.float32]]) -> list[tuple[dict[str, Values], int]]:
    """Return openSMILE's descriptors and the number of our frames of each signal."""
    import opensmile

    if id(signals) not in _TABLES:
        sets, levels = opensmile.FeatureSet, opensmile.FeatureLevel
        smile = opensmile.Smile(sets.eGeMAPSv02, levels.LowLevelDescriptors)
        tables = []
        for signal in signals:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = smile.process_signal(signal, RATE)
            table = {name: frame[name].to_numpy() for name in frame.columns}
            table["voiced"] = (table[F0] > 0).astype(float)
            tables.append((table, len(signal) // HOP))
        _TABLES[id(signals)] = tables
    return _TABLES[id(signals)]


def beside(table: dict[str, Values], name: str, count: int) -> Values:
    """Return the mean of the two frames of openSMILE that lie beside each of ours; 0 outside."""
    values = table[name]

    def shifted(by: int) -> Values:
        rows = np.arange(count) + by
        known = (rows >= 0) & (rows < len(values))
        return np.where(known, values[np.clip(rows, 0, len(values) - 1)], 0.0)

    return (shifted(-3) + shifted(-2)) / 2


# --- made voices ------------------------------------------------------------------------------


def compare_made() -> None:
    """Print what is found in harmonics of known levels, in noise of known level."""
    rows = []
    for hertz in (100, 200, 300):
        for difference in (-10, 0, 10):
            rows.append([f"{hertz}", "H1-H2", f"{difference}", *found_in(hertz, difference, 60)])
        for ratio in (5, 15, 25):
            rows.append([f"{hertz}", "HNR", f"{ratio}", *found_in(hertz, 6, ratio)])
    print(_common.markdown(["f0 in Hz", "what", "true, dB", "native", "openSMILE"], rows, words=0))


def found_in(hertz: float, difference: float, ratio: float) -> list[str]:
    """Return medians of H1-H2, or of HNR where it is the ratio that matters, in dB."""
    moment = np.arange(2 * RATE) / RATE
    levels = -6 * np.log2(np.arange(1, 40))
    levels[0] = levels[1] + difference
    random = np.random.default_rng(0)
    signal = sum(
        10 ** (level / 20) * np.cos(2 * np.pi * number * hertz * moment + random.uniform(0, 6.28))
        for number, level in enumerate(levels, start=1)
        if number * hertz < 7_000
    )
    noise = random.standard_normal(len(moment))
    noise *= np.sqrt(np.mean(signal**2) / np.mean(noise**2) / 10 ** (ratio / 10))
    mixed = (0.3 * (signal + noise) / np.abs(signal).max()).astype(np.float32)
    names = "hnr" if ratio < 60 else "H1-H2"
    found = [method([mixed]).frames[names][20:-20] for method in (hear, hear_opensmile)]
    return [f"{np.nanmedian(values):.1f}" for values in found]


# --- what it costs ----------------------------------------------------------------------------


def cost() -> None:
    """Print microseconds per frame of each step, for one clip of 3 s and for 20."""
    signals = [s for corpus in CORPORA for s in recordings(corpus)] or [
        _common.clip_of(np.random.default_rng(0).standard_normal(RATE).astype(np.float32), 90)
    ]
    speech = np.concatenate(signals)
    rows = []
    for clips in (1, 20):
        hops = cut(list(_common.clip_of(speech, 3.0 * clips).reshape(clips, -1)))
        found, known = pitch.voice(hops), pitch.candidates(hops)
        formants = np.tile(np.float32([500, 1500, 2500]), (len(found.f0), 1))
        steps: dict[str, Callable[[], object]] = {
            "candidates": lambda hops=hops: pitch.candidates(hops),
            "path": lambda known=known, hops=hops: pitch.track(known, hops),
            "harmonics to noise": lambda found=found: quality.harmonics_to_noise(found),
            "jitter, shimmer": lambda hops=hops, found=found: quality.irregularity(hops, found),
            "H1-H2": lambda found=found: harmonics.harmonic_difference(found, 2),
            "H1-A1 .. A3": lambda found=found, formants=formants: harmonics.formant_differences(
                found, formants
            ),
        }
        times = {name: shortest(step) / len(found.f0) * 1e6 for name, step in steps.items()}
        times["all"] = sum(times.values())
        rows.append(
            [f"{clips}", f"{found.voiced.mean():.2f}", *(f"{x:.1f}" for x in times.values())]
        )
    print("microseconds of one core per frame of 10 ms, the shortest of 30 runs\n")
    print(_common.markdown(["clips of 3 s", "voiced", *times], rows))


def shortest(step: Callable[[], object]) -> float:
    took = []
    for _ in range(30):
        start = time.thread_time()
        step()
        took.append(time.thread_time() - start)
    return min(took)


PARTS: dict[str, Callable[[], None]] = {
    "recordings": compare_recordings,
    "made": compare_made,
    "cost": cost,
}

if __name__ == "__main__":
    main()
