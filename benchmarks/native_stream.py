"""What the feature set `native` costs in a stream, over an hour, and for many signals at once.

    python -m benchmarks native_stream
    python -m benchmarks.native_stream stream memory many

`stream`: frames per second of one core in pieces of several lengths, and when they come. `memory`:
what an hour takes on top of its signal, in a process of its own. `many`: signals alone, in a batch,
on torch, and on a GPU where there is one. On recordings of the corpora where AFFECTSPACE_DATA names
them, on made voices otherwise.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from affectspace.audio import read_audio
from affectspace.features.native import DELAY, Stream, cut, describe, features
from affectspace.features.native.hops import HOP, RATE
from benchmarks import _common

CORPORA = ("emodb", "urdu", "emotale")
ROUNDS = 3


def main(arguments: Sequence[str] = ()) -> None:
    options = _common.parser(__doc__, parts=list(PARTS)).parse_args(arguments)
    print(_common.machine(), "\n")
    for name in _common.chosen(options.parts, PARTS):
        print(f"### {name}\n")
        PARTS[name]()
        print(flush=True)


def signals(count: int) -> list[np.ndarray]:
    """Return recordings, one corpus after the other, as far as there are some."""
    with tempfile.TemporaryDirectory() as folder:
        found = _common.collections(CORPORA, Path(folder), count // len(CORPORA), 0)
        return [read_audio(file).samples for _, files in found for file in files]


def stream() -> None:
    """Print frames per second by the length of pieces, and how long frames take to come."""
    signal = _common.clip_of(np.concatenate(signals(30)), 60.0)
    played(signal[: 4 * RATE], 320)  # the first call of all makes tables and windows
    rows = []
    for milliseconds in (1, 20, 100, 1_000, 60_000):
        size = RATE * milliseconds // 1_000
        seconds, longest, delays = played(signal, size)
        rows.append(
            [
                f"{milliseconds}",
                f"{len(signal) / HOP / seconds:,.0f}",
                f"{len(signal) / RATE / seconds:,.0f}",
                f"{1e3 * longest:.1f}",
                f"{delays.min():.3f}",
                f"{delays.max():.3f}" if milliseconds < 1_000 else "",
            ]
        )
    seconds = least(lambda: describe(cut([signal])))
    rows.append(["whole, by describe", f"{len(signal) / HOP / seconds:,.0f}"])
    rows[-1] += [f"{len(signal) / RATE / seconds:,.0f}", "", "", ""]
    columns = ["pieces, ms", "frames per s of one core", "times real time", "longest call, ms"]
    print(f"a frame comes at most {DELAY:.3f} s after its centre, and a piece later\n")
    print(_common.markdown([*columns, "soonest, s", "latest, s"], rows))


def played(signal: np.ndarray, size: int) -> tuple[float, float, np.ndarray]:
    """Return CPU seconds, the longest call, and the delays of frames after their centres."""
    taker, told, delays, longest = Stream(), 0, [], 0.0
    began = time.process_time()
    for at in range(0, len(signal), size):
        here = time.process_time()
        new = len(taker.feed(signal[at : at + size]).voiced)
        longest = max(longest, time.process_time() - here)
        centres = (np.arange(told, told + new) + 0.5) * HOP / RATE
        delays.append(min(at + size, len(signal)) / RATE - centres)
        told += new
    taker.finish()
    return time.process_time() - began, longest, np.concatenate(delays)


def least(step: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        step()
        took.append(time.process_time() - began)
    return min(took)


_HOUR = """
import resource, sys
import numpy as np
from affectspace.features.native import features
minute = np.load(sys.argv[1])
features([minute[:160_000]])
signal = np.tile(minute, int(sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
features([signal])
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory() -> None:
    """Print what long signals take at most, on top of themselves."""
    minute = _common.clip_of(np.concatenate(signals(30)), 60.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minute.npy"
        np.save(path, minute)
        for minutes in (1, 10, 60):
            command = [sys.executable, "-c", _HOUR, str(path), str(minutes)]
            cost, done = _common.run(command)
            before, after = (int(word) / 1e3 for word in done.stdout.split())
            size = minutes * minute.nbytes / 1e6
            rows.append([f"{minutes}", f"{size:.0f}", f"{after - before:.0f}", f"{cost.cpu:.0f}"])
    columns = ["minutes", "signal, MB", "on top of it, MB", "CPU seconds of the process"]
    print(_common.markdown(columns, rows))


def many() -> None:
    """Print what signals cost alone, together, and on torch."""
    taken = signals(180)
    seconds = sum(len(signal) for signal in taken) / RATE
    ways: dict[str, Callable[[], object]] = {
        "alone": lambda: [features([signal]) for signal in taken],
        "together": lambda: features(taken),
    }
    devices = ["cpu"]
    try:
        import torch
    except ImportError:
        devices = []
    else:
        devices += ["cuda"] if torch.cuda.is_available() else []
    for device in devices:
        there = [torch.from_numpy(signal).to(device) for signal in taken]
        ways[f"together, torch on {device}"] = lambda there=there: features(there).cpu()
    rows = []
    for name, way in ways.items():
        costs = _common.take_turns({name: way}, rounds=ROUNDS)[name]
        wall, cpu = _common.median(costs)
        each = [f"{1e3 * cost / seconds:.2f}" for cost in (cpu, wall)]
        rows.append([name, *each, f"{seconds / wall:,.0f}"])
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"{len(taken)} signals of {seconds / len(taken):.1f} s on average; threads: {threads}\n")
    columns = ["", "CPU ms per s of speech", "wall ms per s of speech", "times real time"]
    print(_common.markdown(columns, rows))


PARTS: dict[str, Callable[[], None]] = {"stream": stream, "memory": memory, "many": many}

if __name__ == "__main__":
    main(sys.argv[1:])
