"""The set `native` against openSMILE's eGeMAPS: time per core, per stage, with workers; memory.

With AFFECTSPACE_DATA the recordings are EMO-DB's (16 kHz) and URDU's (44.1 kHz), both as the WAV
files that they are released as; without it they are made here. Candidates take turns in one
process, and CPU time counts, as it's the fairer one where the machine has other work as well.
NumPy's own threads are kept to one.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, bandwidth, checks, noise, read_audio, voicing
from affectspace.audio.decode import AudioFile
from affectspace.features import extract, opensmile
from affectspace.features.native import (
    descriptors,
    features,
    formants,
    pitch,
    quality,
    shape,
    summary,
)
from affectspace.features.native.backend import Native
from affectspace.features.native.hops import HOP, cut
from benchmarks._common import chosen, collections, machine, markdown, median, parser, take_turns
from benchmarks._common import watch as watch_process
from benchmarks._pipeline import CONFIG, Samples, pipeline, workers

CODE = """
import sys
from affectspace.features import extract
extract(sys.argv[2:], features=sys.argv[1], jobs=1, cache=False)
"""
OPENSMILE = """
import sys, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
smile.process_files(sys.argv[1:])
"""


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__, parts=tuple(PARTS))
    options.add_argument("--files", type=int, default=60, help="per corpus; 0 takes all")
    options.add_argument("--rounds", type=int, default=5, help="turns that count")
    options.add_argument("--seed", type=int, default=0, help="of the sample")
    wanted = options.parse_args(arguments)
    print(machine())
    warnings.simplefilter("ignore")  # of opensmile-python, about its own tables
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = collections(("emodb", "urdu"), folder / "made", wanted.files, wanted.seed)
        files = [paths for _, paths in found] * (3 - len(found))
        at_16, at_44 = (
            _sound(_as_wav(each, folder / name))
            for each, name in zip(files, ("16", "44"), strict=True)
        )
        for name in chosen(wanted.parts, PARTS):
            PARTS[name](at_16, at_44, wanted.rounds)


def memory_to_memory(files: list[str], _: list[str], rounds: int) -> None:
    """Time both on the same samples in memory, openSMILE called as lean as can be."""
    signals = [read_audio(file).samples for file in files]
    native = Native()
    costs = take_turns(
        {
            "openSMILE eGeMAPSv02, alone": lambda: [
                opensmile.run(CONFIG, "func", signal) for signal in signals
            ],
            "`native`, one by one": lambda: [native(signal) for signal in signals],
            "`native`, together": lambda: features(signals),
        },
        rounds=rounds,
    )
    title = f"{len(files)} recordings at 16 kHz, samples in memory; goal: 5 times, aim: 10"
    _against_first(title, costs, signals)


def as_released(_: list[str], files: list[str], rounds: int) -> None:
    """Time everything from files at 44.1 kHz to tables: decoding, resampling, checks, features."""
    import opensmile as opensmile_python

    smile = opensmile_python.Smile(
        opensmile_python.FeatureSet.eGeMAPSv02,
        opensmile_python.FeatureLevel.Functionals,
        num_workers=1,
    )
    signals = [read_audio(file).samples for file in files]
    costs = take_turns(
        {
            "opensmile-python, `process_files`": lambda: smile.process_files(files),
            "`extract(features='egemaps')`": lambda: extract(
                files, features="egemaps", cache=False, jobs=1
            ),
            "`extract(features='native')`": lambda: extract(
                files, features="native", cache=False, jobs=1
            ),
        },
        rounds=rounds,
    )
    rate = soundfile.info(files[0]).samplerate / 1000
    title = f"{len(files)} files at {rate:g} kHz, one worker; goal: 10 times, aim: 20"
    _against_first(title, costs, signals)


def stages(_: list[str], files: list[str], rounds: int) -> None:
    """Time each step from a file at 44.1 kHz to its features, and the bare transforms."""
    data = [Path(file).read_bytes() for file in files]
    decoded = [AudioFile(io.BytesIO(one)).read() for one in data]
    mono = [checks.mix(samples, "first") for samples, _ in decoded]
    rate = decoded[0][1]
    signals = [read_audio(file).samples for file in files]
    hops = [cut([signal]) for signal in signals]
    found = [pitch.candidates(one) for one in hops]
    voices = [pitch.track(*one) for one in zip(found, hops, strict=True)]
    described = [descriptors.describe(one) for one in hops]
    native = Native()
    steps: dict[str, Callable[[], object]] = {
        "bare transforms": lambda: [_transforms(voice.voiced) for voice in voices],
        "decode": lambda: [AudioFile(io.BytesIO(one)).read() for one in data],
        "resample": lambda: [soxr.resample(one, rate, SAMPLING_RATE, quality="HQ") for one in mono],
        "check: voiced at all?": lambda: [voicing.voiced_share(one) for one in signals],
        "check: bandwidth": lambda: [bandwidth.bandwidth(one) for one in signals],
        "check: noise": lambda: [noise.signal_to_noise(one) for one in signals],
        "check: level, clipping, offset": lambda: [
            (checks.check_sound(m), checks.clipped_share(m), checks.clip(s), checks.level(s))
            for m, s in zip(mono, signals, strict=True)
        ],
        "framing": lambda: [cut([one]).frames(shape.FRAME) for one in signals],
        "short spectra and what is made of them": lambda: [
            descriptors._of_spectra(one) for one in hops
        ],
        "pitch: candidates": lambda: [pitch.candidates(one) for one in hops],
        "pitch: path": lambda: [pitch.track(*one) for one in zip(found, hops, strict=True)],
        "formants": lambda: [
            formants.formants(one, voice.voiced) for one, voice in zip(hops, voices, strict=True)
        ],
        "jitter and shimmer": lambda: [
            quality.irregularity(*one) for one in zip(hops, voices, strict=True)
        ],
        "functionals": lambda: [
            summary.summarise(*one) for one in zip(described, hops, strict=True)
        ],
        "`native`, whole": lambda: [native(one) for one in signals],
        "`extract`, whole": lambda: extract(files, features="native", cache=False, jobs=1),
    }
    frames = sum(len(signal) // HOP for signal in signals)
    costs = {name: median(taken) for name, taken in take_turns(steps, rounds=rounds).items()}
    floor = costs["bare transforms"].cpu
    rows = [
        [name, f"{cost.cpu / frames * 1e6:.2f} µs", f"{cost.cpu / floor:.2f}"]
        for name, cost in costs.items()
    ]
    share = float(np.mean(np.concatenate([voice.voiced for voice in voices])))
    print(f"\n### {len(files)} files at {rate / 1000:g} kHz, {share:.0%} of their frames voiced\n")
    print(markdown(["", "CPU per frame of 10 ms", "against the transforms"], rows))


def memory(_: list[str], files: list[str], __: int) -> None:
    """Watch the memory of a process of its own that works through the files."""
    commands = {
        "opensmile-python, `process_files`": [sys.executable, "-c", OPENSMILE, *files],
        **{
            f"`extract(features='{name}')`": [sys.executable, "-c", CODE, name, *files]
            for name in ("egemaps", "native")
        },
    }
    rows = []
    for name, command in commands.items():
        seen = watch_process(command, every=0.05)
        rows.append([name, f"{seen.resident:.0f} MB"])
    print(f"\n### Memory at most, {len(files)} files, a process of its own\n")
    print(markdown(["", "resident"], rows))


PARTS: dict[str, Callable[[list[str], list[str], int], None]] = {
    "memory-to-memory": memory_to_memory,
    "as-released": as_released,
    "pipeline": pipeline,
    "workers": workers,
    "stages": stages,
    "memory": memory,
}


def _transforms(voiced: NDArray[np.bool_], block: int = 32) -> None:
    """Transform as much as `native` must, in blocks that suit the cache, and do nothing else."""
    sizes = {pitch.SIZE: len(voiced), shape.SIZE: len(voiced), formants.FRAME: int(voiced.sum())}
    for size, count in sizes.items():
        frames = np.zeros((block, size))
        for first in range(0, count, block):
            np.fft.rfft(frames[: count - first], axis=1)


def _against_first(title: str, costs: dict[str, list], signals: list[Samples]) -> None:
    seconds = sum(len(signal) for signal in signals) / SAMPLING_RATE
    medians = {name: median(taken) for name, taken in costs.items()}
    first = next(iter(medians.values()))
    rows = [
        [
            name,
            f"{cost.cpu:.2f} s",
            f"{first.cpu / cost.cpu:.1f}",
            f"{cost.cpu / seconds * 1e3:.2f} ms",
            f"{seconds / cost.cpu:.0f}",
        ]
        for name, cost in medians.items()
    ]
    print(f"\n### {title}\n")
    heads = ["", "CPU", "times as fast", "per second of speech", "times real time"]
    print(markdown(heads, rows), flush=True)


def _sound(files: list[str]) -> list[str]:
    """Leave out what `extract` would refuse, of which nothing is computed."""
    return [
        file
        for file, ok in zip(files, extract(files, features="native", cache=False).ok, strict=True)
        if ok
    ]


def _as_wav(files: list[str], folder: Path) -> list[str]:
    """Write files as WAV with the samples that they have."""
    folder.mkdir()
    written = []
    for number, file in enumerate(files):
        samples, rate = soundfile.read(file, dtype="int16")
        written.append(str(folder / f"{number}.wav"))
        soundfile.write(written[-1], samples, rate, subtype="PCM_16")
    return written


if __name__ == "__main__":
    main(sys.argv[1:])
