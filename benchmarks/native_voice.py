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
from affectspace.features.native.summary import CLEARLY
from benchmarks import _common

CORPORA = ("emodb", "urdu", "emotale")
FILES = 60
LOWEST, HIGHEST = 60.0, 600.0  # Hz that Praat looks for
CPPS = ("no", 0.02, 0.0005, 60, 330, 0.05, "parabolic", 0.001, 0.05, "Straight", "Robust")
F0 = "F0semitoneFrom27.5Hz_sma3nz"
Values = NDArray[np.floating]


class Table(NamedTuple):
    """openSMILE's descriptors of a signal, and the number of our frames of it."""

    values: dict[str, Values]
    count: int


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
    pitches, sides, qualities = [], [], []
    for corpus in CORPORA:
        signals = recordings(corpus)
        if not signals:
            print(f"{corpus}: not there, left out")
            continue
        tables = smile(signals)
        ours, praat, theirs = hear(signals, tables), hear_praat(signals), hear_opensmile(tables)
        pitches += [
            [corpus, "native, Praat", *near(ours.f0, praat.f0)],
            [corpus, "openSMILE, Praat", *near(theirs.f0, praat.f0)],
            [corpus, "native, openSMILE", *near(ours.f0, theirs.f0)],
        ]
        clear = np.where(ours.frames["periodicity"] >= CLEARLY, 1, 0)
        pitches += [
            [corpus, "native, openSMILE where clearly voiced", *near(clear * ours.f0, theirs.f0)],
            [corpus, "Praat, openSMILE there", *near(clear * praat.f0, theirs.f0)],
        ]
        agreed = np.where(far(theirs.f0, praat.f0), 0, theirs.f0)
        pitches.append([corpus, "native, openSMILE where Praat agrees", *near(ours.f0, agreed)])
        differ = (ours.f0 > 0) & (theirs.f0 > 0) & far(ours.f0, theirs.f0)
        right = [np.mean(~far(x.f0[differ], praat.f0[differ])) for x in (ours, theirs)]
        sides.append([corpus, f"{differ.sum()}", *(f"{100 * share:.0f} %" for share in right)])
        all_voiced = (ours.f0 > 0) & (praat.f0 > 0) & (theirs.f0 > 0)
        for kind, name in (("cc", "Praat, cross-correlation"), ("ac", "Praat, autocorrelation")):
            other = praat.frames[f"HNR {kind}"]
            kept = all_voiced & (other > -100)
            row = [f"{correlation(x.frames['HNR'], other, kept):.2f}" for x in (ours, theirs)]
            qualities.append([corpus, "HNR", name, *row])
        for measure, other in praat.recordings.items():
            kept = np.isfinite(other)
            row = [
                f"{correlation(x.recordings[measure], other, kept):.2f}"
                if measure in x.recordings
                else ""
                for x in (ours, theirs)
            ]
            qualities.append([corpus, f"{measure}, recordings", "Praat", *row])
        for measure, name in (
            ("HNR", "HNR"),
            ("jitter", "jitter"),
            ("shimmer", "shimmer"),
            ("H1-H2", "H1-H2"),
            ("H2-H3", "H1-H2"),
            ("H1-A3", "H1-A3"),
            ("H2-A3", "H1-A3"),
        ):
            kept = (ours.f0 > 0) & (theirs.f0 > 0) & np.isfinite(ours.frames[measure])
            r = correlation(ours.frames[measure], theirs.frames[name], kept)
            qualities.append([corpus, measure, f"openSMILE's {name}", f"{r:.2f}", ""])
    columns = ["corpus", "who", "r", "r in semitones", "off by 20 %", "voicing alike", "frames"]
    print(_common.markdown(columns, pitches), "\n")
    columns = ["corpus", "frames off by 20 %", "Praat sides with native", "with openSMILE"]
    print(_common.markdown(columns, sides), "\n")
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


def far(one: Values, other: Values) -> NDArray[np.bool_]:
    """Return where the first is off the second by more than 20 %, or the second unvoiced."""
    return (other == 0) | (np.abs(one / np.maximum(other, 1) - 1) > 0.2)


def correlation(one: Values, other: Values, kept: NDArray[np.bool_]) -> float:
    return float(np.corrcoef(one[kept], other[kept])[0, 1])


def hear(signals: list[NDArray[np.float32]], tables: list[Table]) -> Heard:
    hops = cut(signals)
    found = pitch.voice(hops)
    jitter, shimmer = quality.irregularity(hops, found)
    formants = np.stack([beside(tables, f"F{k}frequency_sma3nz") for k in (1, 2, 3)], axis=1)
    formants = formants.astype(np.float32)
    frames = {
        "periodicity": found.strength,
        "HNR": quality.harmonics_to_noise(found),
        "jitter": jitter,
        "shimmer": shimmer,
        "prominence": quality.cepstral_prominence(found),
        "H1-H2": harmonics.harmonic_difference(found, 2),
        "H2-H3": harmonics.harmonic_difference(found, 3, first=2),
        "H1-A3": harmonics.formant_differences(found, formants)[:, 2],
        "H2-A3": harmonics.formant_differences(found, formants, first=2)[:, 2],
    }
    return Heard(found.f0, frames, means(frames, [table.count for table in tables], found.voiced))


def means(
    frames: dict[str, Values], counts: list[int], voiced: NDArray[np.bool_]
) -> dict[str, Values]:
    """Return means over each recording: of jitter and shimmer over its voiced frames."""
    ends = np.cumsum(counts)[:-1]
    kept = {name: np.where(voiced, frames[name], np.nan) for name in ("jitter", "shimmer")}
    if "prominence" in frames:
        kept["prominence"] = frames["prominence"]
    return {
        name: np.array([np.nanmean(part) for part in np.split(values, ends)])
        for name, values in kept.items()
    }


# --- Praat ------------------------------------------------------------------------------------


def hear_praat(signals: list[NDArray[np.float32]]) -> Heard:
    import parselmouth
    from parselmouth.praat import call

    f0, cross, auto, jitter, shimmer, prominence = [], [], [], [], [], []
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
        cepstra = call(sound, "To PowerCepstrogram", 60, 0.01, 5000, 50)
        prominence.append(call(cepstra, "Get CPPS", *CPPS))
    frames = {"HNR cc": np.concatenate(cross), "HNR ac": np.concatenate(auto)}
    recordings = {
        "jitter": np.array(jitter),
        "shimmer": np.array(shimmer),
        "prominence": np.array(prominence),
    }
    return Heard(np.concatenate(f0), frames, recordings)


def placed(times: Values, values: Values, count: int, missing: float) -> Values:
    """Return the values at the centres of our frames."""
    centres = (np.arange(count) + 0.5) * HOP / RATE
    rows = np.rint((centres - times[0]) / 0.005).astype(int)
    known = (rows >= 0) & (rows < len(times))
    return np.where(known, values[np.clip(rows, 0, len(times) - 1)], missing)


# --- openSMILE --------------------------------------------------------------------------------


def hear_opensmile(tables: list[Table]) -> Heard:
    names = {
        "HNR": "HNRdBACF_sma3nz",
        "jitter": "jitterLocal_sma3nz",
        "shimmer": "shimmerLocaldB_sma3nz",
        "H1-H2": "logRelF0-H1-H2_sma3nz",
        "H1-A3": "logRelF0-H1-A3_sma3nz",
    }
    voiced = beside(tables, "voiced") == 1
    f0 = np.where(voiced, 27.5 * 2 ** (beside(tables, F0) / 12), 0.0)
    frames = {name: beside(tables, column) for name, column in names.items()}
    return Heard(f0, frames, means(frames, [table.count for table in tables], voiced))


def smile(signals: list[NDArray[np.float32]]) -> list[Table]:
    """Return openSMILE's descriptors of each signal."""
    import opensmile

    sets, levels = opensmile.FeatureSet, opensmile.FeatureLevel
    extractor = opensmile.Smile(sets.eGeMAPSv02, levels.LowLevelDescriptors)
    tables = []
    for signal in signals:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = extractor.process_signal(signal, RATE)
        values = {name: frame[name].to_numpy() for name in frame.columns}
        values["voiced"] = (values[F0] > 0).astype(float)
        tables.append(Table(values, len(signal) // HOP))
    return tables


def beside(tables: list[Table], name: str) -> Values:
    """Return the mean of the two frames of openSMILE that lie beside each of ours; 0 outside."""
    parts = []
    for table in tables:
        values, rows = table.values[name], np.arange(table.count)
        pair = [
            np.where((at >= 0) & (at < len(values)), values[np.clip(at, 0, len(values) - 1)], 0.0)
            for at in (rows - 3, rows - 2)
        ]
        parts.append((pair[0] + pair[1]) / 2)
    return np.concatenate(parts)


# --- made voices ------------------------------------------------------------------------------


def compare_made() -> None:
    """Print what is found in harmonics of known levels, in noise of known level."""
    rows = []
    for hertz in (100, 200, 300):
        for difference in (-10, 0, 10):
            found = found_in(hertz, "H1-H2", difference=difference)
            rows += [[f"{hertz}", "H1-H2", f"{difference}", *found]]
        for ratio in (5, 15, 25):
            rows += [[f"{hertz}", "HNR", f"{ratio}", *found_in(hertz, "HNR", ratio=ratio)]]
    print(_common.markdown(["f0 in Hz", "what", "true, dB", "native", "openSMILE"], rows, words=0))


def found_in(hertz: float, name: str, *, difference: float = 6, ratio: float = 60) -> list[str]:
    """Return medians of a descriptor in a voice with an H1-H2 and, below 4 kHz, an HNR in dB."""
    moment = np.arange(2 * RATE) / RATE
    levels = -6 * np.log2(np.arange(1, 40))
    levels[0] = levels[1] + difference
    random = np.random.default_rng(0)
    signal = sum(
        10 ** (level / 20) * np.cos(2 * np.pi * number * hertz * moment + random.uniform(0, 6.28))
        for number, level in enumerate(levels, start=1)
        if number * hertz < 4_000
    )
    spectrum = np.fft.rfft(random.standard_normal(len(moment)))
    noise = np.fft.irfft(spectrum * (np.fft.rfftfreq(len(moment), 1 / RATE) < 4_000))
    noise *= np.sqrt(np.mean(signal**2) / np.mean(noise**2) / 10 ** (ratio / 10))
    mixed = (0.3 * (signal + noise) / np.abs(signal).max()).astype(np.float32)
    tables = smile([mixed])
    found = (hear([mixed], tables), hear_opensmile(tables))
    return [f"{np.nanmedian(heard.frames[name][20:-20]):.1f}" for heard in found]


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
            "prominence": lambda found=found: quality.cepstral_prominence(found),
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
