"""The set `native` against openSMILE's eGeMAPS: time per core, time per stage, memory.

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
from functools import partial
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, bandwidth, checks, noise, read_audio, voicing
from affectspace.audio.decode import AudioFile
from affectspace.audio.spectra import Spectra
from affectspace.features import Backend, extract, opensmile, registry
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

CONFIG = "egemaps/v02/eGeMAPSv02"
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

Samples = NDArray[np.float32]


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


def pipeline(at_16: list[str], at_44: list[str], rounds: int) -> None:
    """Time what comes between files and a table, and others that do the same, one worker each."""
    for files in (at_16, at_44):
        timed = {name: Timed(registry.backend(name)) for name in ("egemaps", "native")}
        others, stages = _from_files(files, timed)
        cost = {
            name: median(taken).cpu
            for name, taken in take_turns(others | stages, rounds=rounds).items()
        }
        seconds = float(extract(files, cache=False, jobs=1).rows["duration"].sum())
        first = cost[next(iter(others))]
        rows = [
            [
                name,
                f"{each / seconds * 1e3:.2f} ms",
                f"{first / each:.1f}" if name in others else "",
            ]
            for name, each in cost.items()
        ]
        rate = soundfile.info(files[0]).samplerate / 1000
        print(f"\n### {len(files)} files at {rate:g} kHz, from files to a table, one worker\n")
        heads = ["", "CPU per second of speech", "times the rate of `process_files`"]
        print(markdown(heads, rows) + "\n")
        for name, backend in timed.items():
            print(
                f"Of `extract(features='{name}')` {backend.own_share():.1%} isn't the set itself."
            )
        sys.stdout.flush()


class Timed:
    """A backend that counts the time that it takes, and that all of extraction with it does.

    It goes by the clock on the wall: after a run of openSMILE the clock of CPU time may take 0.6 ms
    to answer, which is a quarter of what is to be measured.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend, self.spec = backend, backend.spec
        self._inside = 0.0
        self._shares: list[float] = []
        if hasattr(backend, "many"):
            self.many = self._counted(backend.many)

    def __call__(self, samples: Samples) -> Samples:
        return self._counted(self._backend)(samples)

    def extract(self, files: list[str]) -> None:
        """Extract, and count what the whole of it takes."""
        self._inside, started = 0.0, perf_counter()
        extract(files, features=self, cache=False, jobs=1)
        self._shares.append(1 - self._inside / (perf_counter() - started))

    def own_share(self) -> float:
        """Return the share that isn't the backend's of what `extract` took, the median turn's."""
        return float(np.median(self._shares))

    def _counted(self, compute: Callable[..., Samples]) -> Callable[..., Samples]:
        def counted(signal: Samples) -> Samples:
            started = perf_counter()
            try:
                return compute(signal)
            finally:
                self._inside += perf_counter() - started

        return counted


def _from_files(
    files: list[str], timed: dict[str, Timed]
) -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """What to time: all that goes from files to a table, and our own stages on the way."""
    import audinterface
    import opensmile as opensmile_python

    data = [Path(file).read_bytes() for file in files]
    decoded = [AudioFile(io.BytesIO(one)).read() for one in data]
    mono = [(checks.mix(samples, "first"), rate) for samples, rate in decoded]
    signals = [read_audio(file).samples for file in files]
    native = Native()
    smile = opensmile_python.Smile(
        opensmile_python.FeatureSet.eGeMAPSv02,
        opensmile_python.FeatureLevel.Functionals,
        num_workers=1,
    )

    def as_audinterface(names: Sequence[str], compute: Callable[[Samples], Samples]) -> object:
        return audinterface.Feature(
            names,
            process_func=lambda signal, _: compute(signal[0]),
            sampling_rate=SAMPLING_RATE,
            resample=True,
            num_workers=1,
        ).process_files(files)

    def bare(signal: Samples) -> Samples:
        return opensmile.run(CONFIG, "func", signal)[0]

    def checked(samples: Samples, signal: Samples) -> None:
        checks.check_sound(samples), checks.clipped_share(samples)
        checks.clip(signal), checks.level(signal), voicing.voiced_share(signal)
        spectra = Spectra(signal)
        bandwidth.bandwidth(spectra), noise.signal_to_noise(spectra)

    groups = range(0, len(signals), 20)
    others: dict[str, Callable[[], object]] = {
        "opensmile-python, `process_files`": lambda: smile.process_files(files),
        "audinterface, openSMILE at 16 kHz": lambda: as_audinterface(smile.feature_names, bare),
        "audinterface, `native` at 16 kHz": lambda: as_audinterface(native.spec.features, native),
        **{
            f"`extract(features='{name}')`": partial(backend.extract, files)
            for name, backend in timed.items()
        },
    }
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: [AudioFile(io.BytesIO(one)).read() for one in data],
        "resample": lambda: [
            soxr.resample(samples, rate, SAMPLING_RATE, quality="HQ")
            for samples, rate in mono
            if rate != SAMPLING_RATE
        ],
        "check": lambda: [checked(m, s) for (m, _), s in zip(mono, signals, strict=True)],
        "openSMILE, eGeMAPSv02 alone": lambda: [bare(signal) for signal in signals],
        "`native` alone, 20 together": lambda: [native.many(signals[i : i + 20]) for i in groups],
    }
    return others, steps


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
