"""Extraction against bare openSMILE and opensmile-python: time, scaling, memory.

With AFFECTSPACE_DATA the recordings are EMO-DB's (16 kHz) and URDU's (44.1 kHz); without it they
are made here. All times are medians over rounds in which the candidates take turns;
CPU time is the fairer of the two where the machine has other work as well.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import soundfile

from affectspace.audio import read_audio
from affectspace.features import extract, opensmile

FILES, ROUNDS, ROWS = 100, 5, 10_000
CONFIG = "egemaps/v02/eGeMAPSv02"


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, egemaps")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        speech16 = _recordings("emodb", 16_000, folder)
        speech44 = _recordings("urdu", 44_100, folder)
        overhead(speech16, folder)
        native_rate(speech44)
        scaling(speech16)
        memory(folder)


def overhead(files: list[str], folder: Path) -> None:
    """Time what comes on top of openSMILE: reading, hashing, checking, tables, cache."""
    import opensmile as opensmile_python

    smile = opensmile_python.Smile(
        opensmile_python.FeatureSet.eGeMAPSv02, opensmile_python.FeatureLevel.Functionals
    )
    signals = [read_audio(file).samples for file in files]
    caches = iter(range(1000))
    times = _take_turns(
        {
            "openSMILE alone, signals in memory": lambda: [
                opensmile.run(CONFIG, "func", signal) for signal in signals
            ],
            "opensmile-python process_signal, in memory": lambda: [
                smile.process_signal(signal, 16_000) for signal in signals
            ],
            "extract(jobs=1, cache=False), from files": lambda: extract(files, jobs=1, cache=False),
            "extract(jobs=1, cache=new), from files": lambda: extract(
                files, jobs=1, cache=folder / f"cache{next(caches)}"
            ),
            "extract(jobs=1, cache=full), from files": lambda: extract(
                files, jobs=1, cache=folder / "cache0"
            ),
        }
    )
    _table(f"{len(files)} recordings at 16 kHz, one process; goal: at most +10 %", times)


def native_rate(files: list[str]) -> None:
    """Time files at 44.1 kHz, as opensmile-python takes them and as we do."""
    import opensmile as opensmile_python

    smile = opensmile_python.Smile(
        opensmile_python.FeatureSet.eGeMAPSv02, opensmile_python.FeatureLevel.Functionals
    )
    times = _take_turns(
        {
            "opensmile-python process_files (44.1 kHz)": lambda: smile.process_files(files),
            "extract(jobs=1, cache=False) (16 kHz)": lambda: extract(files, jobs=1, cache=False),
        }
    )
    _table(f"{len(files)} files at 44.1 kHz, one worker; goal: at least 1.8 times", times)


def scaling(files: list[str]) -> None:
    """Time 1 and 2 worker processes, their start included."""
    times = _take_turns(
        {
            f"extract(jobs={jobs}, cache=False)": lambda jobs=jobs: extract(
                files, jobs=jobs, cache=False
            )
            for jobs in (1, 2)
        }
    )
    _table(f"{len(files)} recordings, workers; goal: at least 1.7 times", times, here=False)


def memory(folder: Path) -> None:
    """Watch the memory of a run over many short files, with all its workers."""
    many = folder / "many"
    many.mkdir()
    rng = np.random.default_rng(0)
    voice = _voice(rng, 16_000, 0.25)
    for number in range(ROWS):
        soundfile.write(many / f"{number}.wav", voice * rng.uniform(0.1, 0.9), 16_000)
    code = (
        "import sys; from pathlib import Path; from affectspace.features import extract;"
        "table = extract(sorted(Path(sys.argv[1]).iterdir()), cache=sys.argv[2]);"
        "print(len(table), 'rows', int(table.ok.sum()), 'ok')"
    )
    started = time.perf_counter()
    run = subprocess.Popen([sys.executable, "-c", code, str(many), str(folder / "cache-many")])
    peaks = np.zeros(2)
    while run.poll() is None:
        peaks = np.maximum(peaks, _memory_of(psutil.Process(run.pid)))
        time.sleep(0.25)
    resident, proportional = peaks / 2**20
    taken = time.perf_counter() - started
    print(
        f"\n{ROWS} files of 0.25 s, {os.cpu_count()} workers, {taken:.0f} s; goal: under 500 MB\n"
        f"  peak over the parent and all its processes: {resident:.0f} MB resident, "
        f"{proportional:.0f} MB with shared pages counted once"
    )


def _memory_of(root: psutil.Process) -> tuple[int, int]:
    resident = proportional = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            full = process.memory_full_info()
            resident += full.rss
            proportional += getattr(full, "pss", full.rss)
    except psutil.Error:
        pass  # one has just ended
    return resident, proportional


def _take_turns(candidates: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Return the median time of each and its median CPU time, after a round that doesn't count."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(ROUNDS + 1):
            for name, candidate in candidates.items():
                wall, cpu = time.perf_counter(), time.process_time()
                candidate()
                if number:
                    times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: tuple(np.median(taken, axis=0)) for name, taken in times.items()}


def _table(title: str, times: dict[str, tuple[float, float]], *, here: bool = True) -> None:
    """Print times against the first; CPU time where all happens in this process."""
    wall0, cpu0 = next(iter(times.values()))
    print(f"\n{title}\n  {'':44} wall time, against the first, rate", end="")
    print("   CPU time, against the first" if here else "")
    for name, (wall, cpu) in times.items():
        print(f"  {name:44}{wall:8.2f} s {wall / wall0 - 1:+12.1%} {wall0 / wall:7.2f}x", end="")
        print(f"{cpu:10.2f} s {cpu / cpu0 - 1:+12.1%}" if here else "", flush=True)


def _recordings(corpus: str, sampling_rate: int, folder: Path) -> list[str]:
    if root := os.environ.get("AFFECTSPACE_DATA"):
        there = sorted(str(path) for path in (Path(root) / "corpora" / corpus).rglob("*.flac"))
        return there[:: max(1, len(there) // FILES)][:FILES]
    rng = np.random.default_rng(0)
    files = []
    for number in range(FILES):
        files.append(str(folder / f"{corpus}{number}.flac"))
        soundfile.write(files[-1], _voice(rng, sampling_rate, 2.5), sampling_rate)
    return files


def _voice(rng: np.random.Generator, sampling_rate: int, seconds: float) -> np.ndarray:
    """Make a buzz with a moving pitch and a falling spectrum."""
    count = int(seconds * sampling_rate)
    pitch = 120 + 30 * np.sin(2 * np.pi * 1.5 * np.arange(count) / sampling_rate)
    phase = 2 * np.pi * np.cumsum(pitch) / sampling_rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 25))
    return 0.15 * buzz + 0.003 * rng.standard_normal(count)
