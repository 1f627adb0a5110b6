"""What several benchmarks share: turns, what a process costs, tables, recordings."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def run(
    command: Sequence[str], **environment: str
) -> tuple[Cost, subprocess.CompletedProcess[str]]:
    """Run a process to its end, and count what it and its children cost.

    Raises:
        SystemExit: if it fails; with what it said.
    """
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    cpu = after.children_user + after.children_system
    return Cost(wall, cpu - before.children_user - before.children_system), done


def take_turns(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int
) -> dict[str, list[Cost]]:
    """Time candidates in turns, the order reversed each time, after a round that doesn't count.

    CPU time is that of this process and of the children that have ended.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name in list(candidates)[:: 1 if number % 2 else -1]:
            wall, cpu = time.perf_counter(), sum(os.times()[:4])
            candidates[name]()
            if number:
                cost = Cost(time.perf_counter() - wall, sum(os.times()[:4]) - cpu)
                costs[name].append(cost)
    return costs


def median(costs: Iterable[Cost]) -> Cost:
    """Return the medians of both times."""
    return Cost(*np.median(list(costs), axis=0).tolist())


class Watched(NamedTuple):
    """What a process and all its children held at most, in MB."""

    resident: float
    proportional: float
    workers: int
    cost: Cost
    said: str


def watch(command: Sequence[str], *, every: float = 0.2) -> Watched:
    """Run a process and watch the memory of it and all its children.

    Returns:
        The peaks: `resident` counts pages that several processes share once for each of them,
        `proportional` once.
    """
    started = time.perf_counter()
    before = os.times()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    reader.start()
    peaks = np.zeros(3)
    while process.poll() is None:
        peaks = np.maximum(peaks, _held(psutil.Process(process.pid)))
        time.sleep(every)
    reader.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{''.join(said)}")
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    resident, proportional, children = peaks
    cost = Cost(time.perf_counter() - started, cpu)
    return Watched(resident / 1e6, proportional / 1e6, int(children), cost, "".join(said))


def _held(root: psutil.Process) -> tuple[float, float, float]:
    resident = proportional = 0.0
    children: list[psutil.Process] = []
    try:
        children = root.children(recursive=True)
        for process in [root, *children]:
            full = process.memory_full_info()
            resident += full.rss
            proportional += getattr(full, "pss", full.rss)
    except psutil.Error:
        pass  # one has just ended
    return resident, proportional, len(children)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 0) -> str:
    """Return a Markdown table; all columns but the first and the last `words` are numbers."""
    numbers = len(columns) - 1 - words
    rules = ["---", *["--:"] * numbers, *["---"] * words]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rules, *rows))


def data_root() -> Path | None:
    """The folder that AFFECTSPACE_DATA names, with a folder per corpus in its `corpora`."""
    root = os.environ.get("AFFECTSPACE_DATA")
    return Path(root) if root else None


def made_voices(folder: Path, count: int, *, seconds: float = 2.5, seed: int = 0) -> list[Path]:
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
        files.append(folder / f"made{number:04d}.wav")
        soundfile.write(files[-1], samples, SAMPLING_RATE)
    return files


def clip_of(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Cut or repeat a signal to a length."""
    return np.resize(samples, round(seconds * SAMPLING_RATE))
