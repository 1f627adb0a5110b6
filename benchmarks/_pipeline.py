"""From files to a table: what comes on top of a set, and others that do the same."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, bandwidth, checks, noise, read_audio, voicing
from affectspace.audio.decode import AudioFile
from affectspace.audio.spectra import Spectra
from affectspace.features import Backend, extract, opensmile, registry
from affectspace.features.native.backend import Native
from benchmarks._common import Cost, cpu_time_of_all, markdown, median, take_turns

CONFIG = "egemaps/v02/eGeMAPSv02"
SETS = ("egemaps", "native")

Samples = NDArray[np.float32]
Candidates = dict[str, Callable[[], object]]


def pipeline(at_16: list[str], at_44: list[str], rounds: int) -> None:
    """Time what comes between files and a table, and others that do the same, one worker each."""
    for files in (at_16, at_44):
        timed = {name: Timed(registry.backend(name)) for name in SETS}
        whole = _others(files, workers=1) | {
            f"`extract(features='{name}')`": partial(backend.extract, files)
            for name, backend in timed.items()
        }
        turns = take_turns(whole | _stages(files), rounds=rounds)
        title = f"{len(files)} files at {_rate(files)}, from files to a table, one worker"
        _table(title, turns, _seconds(files), whole)
        for name, backend in timed.items():
            print(
                f"Of `extract(features='{name}')` {backend.own_share():.1%} isn't the set itself."
            )
        sys.stdout.flush()


def workers(at_16: list[str], at_44: list[str], rounds: int, *, count: int = 2) -> None:
    """Time the same with two workers each, threads and processes, their start included."""
    for files in (at_16, at_44):
        whole: Candidates = {}
        for processes in (False, True):
            kind = f"{count} {'processes' if processes else 'threads'}"
            others = _others(files, workers=count, processes=processes)
            whole |= {f"{name}, {kind}": each for name, each in others.items()}
        whole |= {
            f"`extract(features='{name}', jobs={count})`": partial(
                extract, files, features=name, cache=False, jobs=count
            )
            for name in SETS
        }
        turns = take_turns(whole, rounds=rounds, cpu_time=cpu_time_of_all)
        title = f"{len(files)} files at {_rate(files)}, from files to a table, {count} workers"
        _table(title, turns, _seconds(files), whole)


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


def _others(files: list[str], *, workers: int, processes: bool = False) -> Candidates:
    """What else goes from files to a table, in so many threads or processes."""
    import audinterface
    import opensmile as opensmile_python

    shared = {"num_workers": workers, "multiprocessing": processes}
    native = Native()
    smile = opensmile_python.Smile(
        opensmile_python.FeatureSet.eGeMAPSv02,
        opensmile_python.FeatureLevel.Functionals,
        **shared,
    )

    def as_audinterface(names: Sequence[str], compute: Callable[[Samples], Samples]) -> object:
        return audinterface.Feature(
            names,
            process_func=partial(_of_channel, compute=compute),
            sampling_rate=SAMPLING_RATE,
            resample=True,
            **shared,
        ).process_files(files)

    return {
        "opensmile-python, `process_files`": lambda: smile.process_files(files),
        "audinterface, openSMILE at 16 kHz": lambda: as_audinterface(smile.feature_names, _bare),
        "audinterface, `native` at 16 kHz": lambda: as_audinterface(native.spec.features, native),
    }


def _of_channel(signal: Samples, _: int, *, compute: Callable[[Samples], Samples]) -> Samples:
    return compute(signal[0])


def _bare(signal: Samples) -> Samples:
    return opensmile.run(CONFIG, "func", signal)[0]


def _stages(files: list[str]) -> Candidates:
    """Return the stages of `extract`, each with all that it needs in memory."""
    data = [Path(file).read_bytes() for file in files]
    decoded = [AudioFile(io.BytesIO(one)).read() for one in data]
    mono = [(checks.mix(samples, "first"), rate) for samples, rate in decoded]
    signals = [read_audio(file).samples for file in files]
    native = Native()

    def checked(samples: Samples, signal: Samples) -> None:
        checks.check_sound(samples), checks.clipped_share(samples)
        checks.clip(signal), checks.level(signal), voicing.voiced_share(signal)
        spectra = Spectra(signal)
        bandwidth.bandwidth(spectra), noise.signal_to_noise(spectra)

    groups = range(0, len(signals), 20)
    return {
        "decode": lambda: [AudioFile(io.BytesIO(one)).read() for one in data],
        "resample": lambda: [
            soxr.resample(samples, rate, SAMPLING_RATE, quality="HQ")
            for samples, rate in mono
            if rate != SAMPLING_RATE
        ],
        "check": lambda: [checked(m, s) for (m, _), s in zip(mono, signals, strict=True)],
        "openSMILE, eGeMAPSv02 alone": lambda: [_bare(signal) for signal in signals],
        "`native` alone, 20 together": lambda: [native.many(signals[i : i + 20]) for i in groups],
    }


def _table(title: str, turns: dict[str, list[Cost]], seconds: float, compared: Candidates) -> None:
    costs = {name: median(taken) for name, taken in turns.items()}
    first = costs[next(iter(compared))]
    rows = []
    for name, cost in costs.items():
        row = [name]
        for each, firsts in ((cost.cpu, first.cpu), (cost.wall, first.wall)):
            row += [f"{each / seconds * 1e3:.2f} ms", f"{firsts / each:.1f}" * (name in compared)]
        rows.append(row)
    print(f"\n### {title}\n")
    rate = "times the rate of `process_files`"
    print(markdown(["", "CPU per second of speech", rate, "wall", rate], rows) + "\n", flush=True)


def _rate(files: list[str]) -> str:
    return f"{soundfile.info(files[0]).samplerate / 1000:g} kHz"


def _seconds(files: list[str]) -> float:
    return float(extract(files, cache=False, jobs=1).rows["duration"].sum())
