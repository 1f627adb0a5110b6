"""Embedding: what it adds to the extraction, encoding alone, and the memory of a long recording.

With AFFECTSPACE_DATA the recordings are EMO-DB's, and the long one is made of them; without it
all voices are made. Where other work runs on the machine, CPU time is the fairer of the two times.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import soundfile
from numpy.typing import NDArray

from affectspace import extract, load_model, read_table
from affectspace.audio import read_audio
from affectspace.errors import AffectspaceError
from affectspace.features import FeatureTable, registry
from affectspace.model import AffectModel, meet, shipped_models
from benchmarks._common import (
    COMMAND,
    SAMPLING_RATE,
    Cost,
    chosen,
    corpus_files,
    machine,
    made_voices,
    markdown,
    median,
    parser,
    take_turns,
    watch,
)

FILES = 535  # as many as EMO-DB has
FEW = 40
ENCODED = 100_000  # rows
BATCHES = (1, 100, 10_000, ENCODED)
GOAL_OVERHEAD, GOAL_ENCODING, GOAL_MEMORY = 0.10, 50.0, 700.0  # share, microseconds, MB


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__, parts=list(PARTS))
    options.add_argument("--rounds", type=int, default=3, help="of throughput and encoding")
    options.add_argument("--jobs", type=int, help="worker processes; one per core by default")
    options.add_argument("--hours", type=float, default=3.0, help="of the long recording")
    wanted = options.parse_args(arguments)
    print(machine())
    for name in chosen(wanted.parts, PARTS):
        with tempfile.TemporaryDirectory() as scratch:
            PARTS[name](wanted, Path(scratch))


def throughput(wanted: Namespace, folder: Path) -> None:
    """Embed and extract the same files in turns, without a cache."""
    files, name = _recordings(folder, FILES)
    model = load_model(wanted.model)
    rows, shares = [], []
    for jobs in dict.fromkeys((1, wanted.jobs or os.cpu_count() or 1)):
        costs, outside = _extract_and_embed(model, files, jobs=jobs, rounds=wanted.rounds)
        first = median(costs["extraction alone"])
        for label, taken in costs.items():
            cost = median(taken)
            row = [label, str(jobs), f"{cost.wall:.2f} s", f"{cost.wall / first.wall - 1:+.1%}"]
            with_workers = jobs > 1  # which take_turns can't count
            row += ["", ""] if with_workers else [f"{cost.cpu:.2f} s"]
            row += [] if with_workers else [f"{cost.cpu / first.cpu - 1:+.1%}"]
            rows.append(row)
        shares.append(
            f"{outside:.3f} s with {jobs} job{'s' * (jobs > 1)} ({outside / first.wall:.1%})"
        )
    print(f"\n{len(files)} files of {name}, no cache, median of {wanted.rounds} turns\n")
    print(markdown(["", "jobs", "wall", "against the first", "CPU", "against the first"], rows))
    print(
        f"\nOutside its own extraction `embed` takes {', '.join(shares)}; goal: at most "
        f"{GOAL_OVERHEAD:.0%}."
    )


def _extract_and_embed(
    model: AffectModel, files: Sequence[str], *, jobs: int, rounds: int
) -> tuple[dict[str, list[Cost]], float]:
    """Take turns.

    Returns:
        What both cost; and the seconds of `embed` in which it doesn't extract, their median.
    """
    spec = model.spec
    assert spec is not None
    backend = registry.backend(spec.name, channel=spec.channel, level=spec.level)
    inside: list[float] = []

    def clocked(*arguments: Any, **keywords: Any) -> FeatureTable:
        started = time.perf_counter()
        table = extract(*arguments, **keywords)
        inside.append(time.perf_counter() - started)
        return table

    def embed() -> None:
        with mock.patch("affectspace.model.embed.extract", clocked):
            model.embed(files, jobs=jobs, cache=False)

    costs = take_turns(
        {
            "extraction alone": lambda: extract(files, features=backend, jobs=jobs, cache=False),
            "`model.embed`": embed,
        },
        rounds=rounds,
    )
    embedded = costs["`model.embed`"]
    outside = [cost.wall - own for cost, own in zip(embedded, inside[1:], strict=True)]
    return costs, float(np.median(outside))


def encoding(wanted: Namespace, _: Path) -> None:
    """Encode features that are there already, in batches of several sizes."""
    model = load_model(wanted.model)
    random = np.random.default_rng(0)
    features = random.normal(model.mean, model.scale, (ENCODED, len(model.mean)))
    features = features.astype(np.float32)
    rows = []
    for size in BATCHES:
        batches = [features[i : i + size] for i in range(0, min(ENCODED, 1000 * size), size)]
        count = sum(map(len, batches))
        costs = take_turns(
            {
                name: lambda method=method, batches=batches: [method(batch) for batch in batches]
                for name, method in (("encode", model.encode), ("describe", model.describe))
            },
            rounds=wanted.rounds,
        )
        times = [1e6 / count * median(taken).wall for taken in costs.values()]
        rows.append([f"{size:,}", *(f"{each:.2f} µs" for each in times)])
    print(
        f"\n{len(model.mean)} features, NumPy, per utterance, median of {wanted.rounds} turns; "
        f"goal in batches: under {GOAL_ENCODING:.0f} µs\n"
    )
    columns = ["rows at once", "`encode` (z)", "`describe` (z, estimates, intervals, unusualness)"]
    print(markdown(columns, rows))


def models(wanted: Namespace, folder: Path) -> None:
    """Embed the same files with each shipped model whose features can be computed here."""
    files, name = _recordings(folder, FEW)
    loaded = {}
    for model in map(load_model, shipped_models()):
        try:
            meet(model)
        except AffectspaceError as error:
            print(f"\n{model.name} is left out: {error}")
        else:
            loaded[model.name] = model
    costs = take_turns(
        {
            name: lambda model=model: model.embed(files, jobs=1, cache=False)
            for name, model in loaded.items()
        },
        rounds=wanted.rounds,
    )
    seconds = sum(soundfile.info(file).duration for file in files)
    rows = []
    for model, taken in costs.items():
        cost = median(taken)
        per_minute = [f"{60 * each / seconds:.2f} s" for each in cost]
        rows.append([model, *per_minute, f"{seconds / cost.cpu:.1f}"])
    print(
        f"\n{len(files)} files of {name}, {seconds / len(files):.1f} s on average, one process, no "
        f"cache, median of {wanted.rounds} turns\n"
    )
    columns = ["", "wall, per minute of speech", "CPU, per minute", "times real time, per core"]
    print(markdown(columns, rows))


def memory(wanted: Namespace, folder: Path) -> None:
    """Watch the command at a long recording: spans of speech to a CSV and a report."""
    recording = folder / "long.flac"
    name = _write_long(recording, folder, wanted.hours)
    output, page = folder / "long.csv", folder / "long.html"
    watched = watch(
        [
            *(COMMAND, "embed", str(recording), "--model", wanted.model, "--segment", "speech"),
            *("-o", str(output), "--report", str(page), "--no-cache"),
            *(["--jobs", str(wanted.jobs)] if wanted.jobs else []),
        ]
    )
    table = read_table(output)
    durations = table["duration"]
    facts = [
        ("peak memory, shared pages once", f"{watched.proportional:.0f} MB"),
        ("peak memory, shared pages for each process", f"{watched.resident:.0f} MB"),
        ("processes, at most", f"{watched.processes}"),
        ("wall time", f"{watched.cost.wall:.0f} s"),
        ("CPU time", f"{watched.cost.cpu:.0f} s"),
        ("rows", f"{len(table):,}"),
        ("rows that are `ok`", f"{int(table['status'].eq('ok').sum()):,}"),
        ("speech in them", f"{durations.sum() / 60:.0f} min"),
        ("their durations, least to most", f"{durations.min():.1f} to {durations.max():.1f} s"),
        ("page", f"{page.stat().st_size / 1e6:.1f} MB"),
    ]
    print(
        f"\n{wanted.hours:g} h of {name}, `--segment speech`, CSV and report, no cache; "
        f"goal: under {GOAL_MEMORY:.0f} MB\n"
    )
    print(markdown(["", ""], facts))


PARTS = {"throughput": throughput, "encoding": encoding, "models": models, "memory": memory}


def _recordings(folder: Path, count: int) -> tuple[list[str], str]:
    """Find EMO-DB, or make voices; and say which."""
    if files := corpus_files("emodb"):
        return files[:count], "EMO-DB"
    return made_voices(folder / "made", count), "made voices"


def _write_long(path: Path, folder: Path, hours: float) -> str:
    """Write a long recording, block by block; and say of what it is made."""
    files, name = _recordings(folder, 200)
    clips = [read_audio(file).samples for file in files]
    with soundfile.SoundFile(path, "w", SAMPLING_RATE, 1) as long:
        for block in _talk(clips, round(hours * 3600 * SAMPLING_RATE)):
            long.write(block)
    return f"{len(clips)} recordings of {name} over and over, with pauses of 0.1 to 2 s"


def _talk(clips: Sequence[NDArray[np.float32]], samples: int) -> Iterator[NDArray[np.float32]]:
    """Give clips in any order, faint noise between them, until there is enough."""
    random = np.random.default_rng(0)
    while samples > 0:
        clip = clips[int(random.integers(len(clips)))]
        pause = round(random.uniform(0.1, 2.0) * SAMPLING_RATE)
        block = np.concatenate([clip, 1e-3 * random.standard_normal(pause, np.float32)])
        yield block[:samples]
        samples -= len(block)


if __name__ == "__main__":
    main(sys.argv[1:])
