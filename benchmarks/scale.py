"""Many rows from end to end: rate, memory over time, size on disk, cost; and what faults cost.

Clips of a few seconds are synthesised once and stand under many names, as links, so that every row
is read, checked and computed like any other. Runs are watched from outside, all processes together.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil

from benchmarks._common import COMMAND, chosen, machine, made_voices, markdown, parser

CLIPS = 200  # different ones
SECONDS = 3.0  # of a clip, on average
HOUR = 3600.0


class Run(NamedTuple):
    """A run of the command, watched.

    Attributes:
        wall: seconds.
        cpu: seconds of all processes.
        times: of each look, seconds since the start.
        memory: MB of all processes at each look, pages that they share counted once.
        code: the exit code.
        said: what it said on stderr.
        wrote: what it wrote to stdout.
    """

    wall: float
    cpu: float
    times: list[float]
    memory: list[float]
    code: int
    said: str
    wrote: str


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__, parts=list(PARTS))
    options.add_argument("--rows", type=int, default=2_000, help="of the runs; goal: 100,000")
    options.add_argument("--shard-size", type=int, default=500)
    options.add_argument("--engines", default="local,ray")
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--fault-rows", type=int, default=1_000, help="of the runs with faults")
    options.add_argument("--planned", type=int, default=1_000_000, help="rows that are planned")
    options.add_argument(
        "--core-hour", type=float, default=0.04, help="price of one core for an hour"
    )
    options.add_argument("--scratch", help="a folder for what is made; by default a temporary one")
    wanted = options.parse_args(arguments)
    print(machine())
    for name in chosen(wanted.parts, PARTS):
        with tempfile.TemporaryDirectory(dir=wanted.scratch) as scratch:
            PARTS[name](wanted, Path(scratch))


def throughput(wanted: Namespace, scratch: Path) -> None:
    """Embed the same rows by each engine."""
    given = linked_clips(scratch, wanted.rows)
    rows, costs = [], []
    for engine in wanted.engines.split(","):
        out = scratch / f"out-{engine}"
        run = watch(embed_command(wanted, given, out, "--engine", engine))
        manifest = {} if run.code else manifest_of(out)
        if run.code or not manifest["complete"] or manifest["rows"] != wanted.rows:
            raise SystemExit(f"{engine} didn't come through:\n{run.said}")
        first, last = thirds(run)
        rows.append(
            [
                engine,
                f"{run.wall:.0f} s",
                f"{wanted.rows / run.wall:.1f}",
                f"{1000 * run.cpu / wanted.rows:.1f} ms",
                f"{first:.0f} MB",
                f"{last:.0f} MB",
                f"{max(run.memory):.0f} MB",
                f"{manifest['bytes'] / wanted.rows:.0f} B",
            ]
        )
        costs.append((engine, run.cpu / wanted.rows))
    same = equal_shards(*(scratch / f"out-{name}" for name in wanted.engines.split(",")))
    print(
        f"\n{wanted.rows:,} rows of {SECONDS:.0f} s on average, {wanted.jobs} workers, shards of "
        f"{wanted.shard_size:,} rows; memory of all processes, median of the first and the last "
        "third of the run\n"
    )
    columns = ["engine", "wall", "rows/s", "CPU per row", "first third", "last third", "most"]
    print(markdown([*columns, "on disk per row"], rows))
    own = scratch / "own"
    watch(embed_command(wanted, scratch / "clips", own))
    alone = manifest_of(own)
    print(
        f"\nAll shards are equal byte by byte: {'yes' if same else 'no'}. Clips that repeat are "
        f"stored once in a shard: where all differ a row takes {alone['bytes'] / alone['rows']:.0f}"
        f" B, in {len(alone['parts'])} shards of {alone['rows']} rows."
    )
    for engine, cpu in costs:
        hours = 1e6 * cpu / HOUR
        print(
            f"A million utterances by {engine}: {hours:.1f} core hours, "
            f"{hours * wanted.core_hour:.2f} at {wanted.core_hour} per core hour."
        )


def planning(wanted: Namespace, scratch: Path) -> None:
    """Plan a list of files that aren't there: nothing is read but their names."""
    code = (
        "import sys, time; from affectspace.scale import open_folder; "
        "from affectspace.scale.planning import make_plan; started = time.perf_counter(); "
        "settings = {'segment': 'none', 'channel': 'first', 'inputs': [], 'shard size': 10000}; "
        "plan = make_plan(open_folder(sys.argv[2]), settings, {}, [sys.argv[1]]); "
        "print(plan.rows, plan.parts, plan.duplicates, time.perf_counter() - started)"
    )
    rows = []
    for count in (wanted.planned // 10, wanted.planned):
        listed = scratch / f"{count}.txt"
        with listed.open("w") as file:
            file.writelines(f"/archive/{n // 1000:06d}/clip-{n:09d}.wav\n" for n in range(count))
            file.writelines(
                f"/archive/./{n // 1000:06d}/clip-{n:09d}.wav\n" for n in range(count // 100)
            )
        out = scratch / f"plan-{count}"
        run = watch([sys.executable, "-c", code, str(listed), str(out)])
        planned, parts, duplicates, seconds = run.wrote.split()
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        rows.append(
            [
                f"{int(planned):,}",
                f"{int(duplicates):,}",
                parts,
                f"{float(seconds):.0f} s",
                f"{(int(planned) + int(duplicates)) / float(seconds):,.0f}",
                f"{max(run.memory):.0f} MB",
                f"{size / 1e6:.1f} MB",
            ]
        )
    print("\nPlanning a list of names, 1 in 100 of them twice\n")
    columns = ["rows", "left out", "parts", "wall", "rows/s", "memory, most", "plan on disk"]
    print(markdown(columns, rows))


def faults(wanted: Namespace, scratch: Path) -> None:
    """Break runs in every way, and see what the reconciliation says."""
    given = linked_clips(scratch, wanted.fault_rows)
    whole = scratch / "whole"
    command = embed_command(wanted, given, whole)
    if (run := watch(command)).code:
        raise SystemExit(run.said)
    expected = pd.read_parquet(whole)
    ways: dict[str, Callable[[Namespace, Path, Path], str]] = {
        "20 workers killed, one after the other": killed_workers,
        "the whole run killed 5 times (SIGKILL)": killed_runs,
        "a full disk": full_disk,
        "a shard cut short, one flipped, one of another run": corrupt_shards,
        "every row named twice": named_twice,
        "two runs at once in one folder": at_once,
    }
    rows = []
    for name, way in ways.items():
        out = scratch / "broken"
        happened = way(wanted, given, out)
        manifest, found = manifest_of(out), pd.read_parquet(out)
        rows.append(
            [
                name,
                f"{manifest['rows']:,}",
                f"{len(expected.index.difference(found.index)):,}",
                f"{int(found.index.duplicated().sum()):,}",
                "yes" if agree(found, expected) else "no",
                "yes" if manifest["complete"] else "no",
                happened,
            ]
        )
        shutil.rmtree(out)
    print(f"\n{wanted.fault_rows:,} rows, shards of {wanted.shard_size:,}\n")
    columns = ["", "rows", "lost", "twice", "equal to a run without", "reconciled", "what happened"]
    print(markdown(columns, rows, words=3))


def killed_workers(wanted: Namespace, given: Path, out: Path) -> str:
    """Kill one of the workers, 20 times, while shards come."""
    kills = 0
    dice = random.Random(0)  # noqa: S311

    def kill(root: psutil.Process) -> None:
        nonlocal kills
        workers = [one for one in root.children(recursive=True) if busy(one)]
        if workers and kills < 20:
            dice.choice(workers).kill()
            kills += 1

    run = watch(embed_command(wanted, given, out), look=kill, every=1.0)
    again = 0
    while kills < 20 and again < 20:  # it was done before: once more from the start of some shards
        again += 1
        for shard in sorted(out.glob("part-*"))[::2]:
            shard.unlink()
        run = watch(embed_command(wanted, given, out), look=kill, every=1.0)
    return f"{kills} killed in {again + 1} runs, exit code {run.code}"


def busy(process: psutil.Process) -> bool:
    """Tell whether a process has computed for a while: a worker, not what starts workers."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return times.user > 0.3 and not process.children()
    return False


def killed_runs(wanted: Namespace, given: Path, out: Path) -> str:
    """Kill the command itself, and start it again."""
    seen = []
    for _ in range(5):
        before = len(list(out.glob("part-*")))
        process = start(embed_command(wanted, given, out))
        while process.poll() is None and len(list(out.glob("part-*"))) <= before:
            time.sleep(0.05)
        process.kill()
        process.wait()
        seen.append(len(list(out.glob("part-*"))))
    run = watch(embed_command(wanted, given, out))
    return f"shards after each kill: {', '.join(map(str, seen))}; exit code {run.code}"


def full_disk(wanted: Namespace, given: Path, out: Path) -> str:
    """Run on a small disk in memory, which is then made larger; without one, limit file sizes."""
    out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(out)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        watch(embed_command(wanted, given, out))
        return "not tried: no disk in memory could be mounted here"
    try:
        run = watch(embed_command(wanted, given, out))
        first = len(list(out.glob("part-*")))
        left = [path.name for path in out.rglob("*") if path.name.endswith(".tmp")]
        subprocess.run(["mount", "-o", "remount,size=1g", str(out)], check=True)
        again = watch(embed_command(wanted, given, out))
        kept = out.with_name("kept")
        shutil.copytree(out, kept)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    out.rmdir()
    kept.rename(out)
    words = run.said.strip().splitlines()[-1].rpartition("affectspace: ")[2]
    return (
        f"exit code {run.code}: {words!r}; {first} shards, {len(left)} half-written; with room "
        f"again exit code {again.code}"
    )


def corrupt_shards(wanted: Namespace, given: Path, out: Path) -> str:
    """Damage three shards of a run that was complete."""
    watch(embed_command(wanted, given, out))
    shards = sorted(out.glob("part-*"))
    shards[0].write_bytes(shards[0].read_bytes()[:-500])
    data = bytearray(shards[-1].read_bytes())
    for place in range(len(data) // 4, len(data) // 4 + 200):
        data[place] ^= 1
    shards[-1].write_bytes(data)
    if len(shards) > 2:
        pd.DataFrame({"file": ["else"]}).to_parquet(shards[1])
    run = watch(embed_command(wanted, given, out))
    return f"exit code {run.code}"


def named_twice(wanted: Namespace, given: Path, out: Path) -> str:
    """Name every row twice, the second time by another path."""
    run = watch(embed_command(wanted, given, out, str(given.parent / "." / given.name)))
    return f"exit code {run.code}, {manifest_of(out)['duplicates']:,} left out"


def at_once(wanted: Namespace, given: Path, out: Path) -> str:
    """Start the same command twice."""
    runs: list[Run] = []
    threads = [
        threading.Thread(target=lambda: runs.append(watch(embed_command(wanted, given, out))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"exit codes {', '.join(str(run.code) for run in runs)}"


PARTS: dict[str, Callable[[Namespace, Path], None]] = {
    "throughput": throughput,
    "planning": planning,
    "faults": faults,
}


def linked_clips(scratch: Path, rows: int) -> Path:
    """Make some clips, and a folder that has them under as many names as there are rows."""
    clips = made_voices(scratch / "clips", min(CLIPS, rows), seconds=SECONDS)
    folder = scratch / "archive"
    for number in range(rows):
        below = folder / f"{number // 1000:06d}"
        below.mkdir(parents=True, exist_ok=True)
        os.link(clips[number % len(clips)], below / f"clip-{number:09d}.wav")
    return folder


def embed_command(wanted: Namespace, given: Path, out: Path, *more: str) -> list[str]:
    """Return the command of a run."""
    size, jobs = str(wanted.shard_size), str(wanted.jobs)
    options = ["--shard-size", size, "--jobs", jobs, "--model", wanted.model]
    return [COMMAND, "embed", str(given), "-o", f"{out}/", *options, *more]


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command that says nothing here."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment())


def environment() -> dict[str, str]:
    """Let compiled modules be kept: without them a start takes seconds."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def watch(
    command: Sequence[str],
    *,
    every: float = 1.0,
    look: Callable[[psutil.Process], None] = lambda _: None,
) -> Run:
    """Run a command to its end, and look at all its processes now and then.

    Args:
        command: the command.
        every: seconds between looks.
        look: is called at each look.
    """
    times, memory, spent = [], [], {}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as wrote:
        process = subprocess.Popen(command, stdout=wrote, stderr=said, env=environment())
        root = psutil.Process(process.pid)
        family: dict[int, psutil.Process] = {}
        while process.poll() is None:
            with suppress(psutil.Error):
                for one in [root, *root.children(recursive=True)]:
                    family.setdefault(one.pid, one)
            held = 0.0
            for pid, one in list(family.items()):  # a fork server's children too
                try:
                    held += one.memory_full_info().pss / 1e6
                    spent[pid] = sum(one.cpu_times()[:2])
                except psutil.Error:
                    del family[pid]
            times.append(time.perf_counter() - started)
            memory.append(held)
            look(root)
            with suppress(subprocess.TimeoutExpired):
                process.wait(every)
        wall = time.perf_counter() - started
        said.seek(0)
        wrote.seek(0)
        out = (said.read(), wrote.read())
    return Run(wall, sum(spent.values()), times, memory, process.returncode, *out)


def thirds(run: Run) -> tuple[float, float]:
    """Return the median memory of the first and the last third of a run."""
    third = max(1, len(run.memory) // 3)
    return float(np.median(run.memory[:third])), float(np.median(run.memory[-third:]))


def manifest_of(out: Path) -> dict:
    return json.loads((out / "_manifest.json").read_text())


def agree(found: pd.DataFrame, expected: pd.DataFrame) -> bool:
    """Tell whether two runs have the same rows, numbers up to 1 in 100,000."""
    try:
        pd.testing.assert_frame_equal(found, expected)
    except AssertionError:
        return False
    return True


def equal_shards(first: Path, *others: Path) -> bool:
    """Tell whether folders hold the same shards."""
    names = sorted(path.name for path in first.glob("part-*"))
    return all(
        names == sorted(path.name for path in other.glob("part-*"))
        and all((first / name).read_bytes() == (other / name).read_bytes() for name in names)
        for other in others
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(sys.argv[1:])
