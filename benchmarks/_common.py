"""What several benchmarks share: turns, what a process costs, tables, recordings."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import soundfile
from numpy.typing import NDArray

SAMPLING_RATE = 16_000
COMMAND = str(Path(sys.executable).with_name("affectspace"))


class Cost(NamedTuple):
    """What something took: seconds on the wall, seconds of all cores together."""

    wall: float
    cpu: float


def parser(description: str | None, *, parts: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return a parser with the parts to run, all by default, and the model."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if parts:
        options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}")
    options.add_argument("--model", default="default", help="a shipped model's name, or a folder")
    return options


def chosen(wanted: Sequence[str], parts: Mapping[str, object]) -> list[str]:
    """Return the parts that are wanted, in their order; all where none is named."""
    if unknown := [name for name in wanted if name not in parts]:
        raise SystemExit(f"no part {', '.join(unknown)}; there are {', '.join(parts)}")
    return [name for name in parts if name in wanted or not wanted]


def machine() -> str:
    """Say on what was measured, and how busy it was."""
    name = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        lines = [line for line in cpus.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return (
        f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; "
        f"Python {platform.python_version()}, {platform.system()}"
    )


def run(command: Sequence[str]) -> tuple[Cost, subprocess.CompletedProcess[str]]:
    """Run a process to its end, and count what it and its children cost.

    It may keep compiled modules, as Python does unless it's told otherwise: without them each start
    of the command takes 5 s.

    Raises:
        SystemExit: if it fails; with what it said.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    cpu = after.children_user + after.children_system
    return Cost(wall, cpu - before.children_user - before.children_system), done


def take_turns(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    cpu_time: Callable[[], float] = time.process_time,
) -> dict[str, list[Cost]]:
    """Time candidates in turns, the order reversed each time, after a round that doesn't count.

    CPU time is that of this process, unless `cpu_time` says otherwise.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name in list(candidates)[:: 1 if number % 2 else -1]:
            wall, cpu = time.perf_counter(), cpu_time()
            candidates[name]()
            if number:
                cost = Cost(time.perf_counter() - wall, cpu_time() - cpu)
                costs[name].append(cost)
    return costs


def cpu_time_of_all() -> float:
    """Return the CPU seconds of this process and of all that it started, ended ones too.

    Workers are children of the fork server, which counts them once they have ended.
    """
    this = psutil.Process()
    spent = 0.0
    for process in [this, *this.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it has just ended, and counts in its parent's
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def median(costs: Iterable[Cost]) -> Cost:
    """Return the medians of both times."""
    return Cost(*np.median(list(costs), axis=0).tolist())


class Watched(NamedTuple):
    """What a process and all below it cost, and held at most, in MB.

    Attributes:
        resident: memory in which pages that several processes share count once for each.
        proportional: memory in which they count once.
        processes: how many there were at once, at most.
        cost: of all of them, as far as they were seen.
    """

    resident: float
    proportional: float
    processes: int
    cost: Cost


def watch(command: Sequence[str], *, every: float = 0.2) -> Watched:
    """Run a process to its end, and watch it and all below it, workers of a fork server too.

    Raises:
        SystemExit: if it fails; with what it said.
    """
    peaks = np.zeros(3)
    spent: dict[int, float] = {}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            held, taken = _look_at(psutil.Process(process.pid))
            peaks = np.maximum(peaks, held)
            spent |= taken
            time.sleep(every)
        wall = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read()}")
    resident, proportional, processes = peaks
    cost = Cost(wall, sum(spent.values()))
    return Watched(resident / 1e6, proportional / 1e6, int(processes), cost)


def _look_at(root: psutil.Process) -> tuple[tuple[float, float, float], dict[int, float]]:
    """Return memory (resident, proportional) and number of processes; CPU seconds of each."""
    resident = proportional = 0.0
    spent: dict[int, float] = {}
    with suppress(psutil.Error):  # one has just ended
        for process in [root, *root.children(recursive=True)]:
            full, times = process.memory_full_info(), process.cpu_times()
            resident += full.rss
            proportional += getattr(full, "pss", full.rss)
            spent[process.pid] = times.user + times.system
    return (resident, proportional, len(spent)), spent


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 0) -> str:
    """Return a Markdown table; all columns but the first and the last `words` are numbers."""
    numbers = len(columns) - 1 - words
    rules = ["---", *["--:"] * numbers, *["---"] * words]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rules, *rows))


def corpus_files(name: str) -> list[str]:
    """Return a corpus's recordings in the folder that AFFECTSPACE_DATA names; none without it."""
    from affectspace import corpora

    root = os.environ.get("AFFECTSPACE_DATA")
    if not root:
        return []
    table = corpora.read(name, Path(root) / "corpora" / name)
    return list(table.index.get_level_values("file"))


def collections(
    names: Sequence[str], folder: Path, files: int, seed: int
) -> list[tuple[str, list[str]]]:
    """Return titles and files: samples of the corpora that are there, or else made voices.

    Args:
        names: of corpora.
        folder: where voices are made.
        files: how many of each; 0 takes all of a corpus, and makes 100 voices.
        seed: of the samples.
    """
    from affectspace import corpora

    found: list[tuple[str, list[str]]] = []
    for name in names:
        if paths := corpus_files(name):
            random = np.random.default_rng(seed)
            sample = random.choice(len(paths), min(files or len(paths), len(paths)), replace=False)
            found.append((corpora.get(name).title, [paths[row] for row in np.sort(sample)]))
    return found or [("Made voices", made_voices(folder, files or 100, seed=seed))]


def made_voices(folder: Path, count: int, *, seconds: float = 2.5, seed: int = 0) -> list[str]:
    """Synthesise utterances of many manners and speakers, one WAV file each."""
    from affectspace.synthesis import draw_speaker, synthesise_utterance

    random = np.random.default_rng(seed)
    speakers = [
        draw_speaker(str(number), "female" if number % 2 else "male", random)
        for number in range(10)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        samples = synthesise_utterance(
            *random.uniform(1.5, 4.5, 2),
            speaker=speakers[number % len(speakers)],
            seed=number,
            duration=seconds * random.uniform(0.6, 1.4),
        )
        files.append(str(folder / f"made{number:04d}.wav"))
        soundfile.write(files[-1], samples, SAMPLING_RATE)
    return files


def clip_of(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Cut or repeat a signal to a length."""
    return np.resize(samples, round(seconds * SAMPLING_RATE))
