"""Many spans of many files through the cache and the worker processes, whatever is done with each.

`extract` computes features of them, the room `segments` looks for speech in them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.names import absolute
from affectspace.audio.sources import check_schemes
from affectspace.errors import TableError
from affectspace.features.pool import Known, run_here, run_in_processes
from affectspace.features.spec import FeatureSpec
from affectspace.features.work import (
    IN_MEMORY,
    WHOLE,
    Compute,
    Reply,
    Result,
    Source,
    Span,
    Task,
    memory_of,
    only,
)
from affectspace.processes import available_cores

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.features.cache import Cache

FEW = 4  # spans that aren't worth starting processes for
SPANS_PER_TASK = 64

_Run = Callable[[list[Task], Known], Iterator[Reply]]


def as_utterances(
    utterances: pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> pd.DataFrame:
    """Return files as an utterance table, and an utterance table as it is.

    One path may be a folder or whatever else `find_utterances` takes; in a list are files.

    Raises:
        TableError: when the table has another index, or one path holds no recording.
    """
    import pandas as pd

    from affectspace.tables import INDEX, find_utterances, utterance_index

    if isinstance(utterances, str | bytes | os.PathLike):
        return find_utterances([os.fsdecode(utterances)])

    if not isinstance(utterances, pd.DataFrame):
        files = [os.fspath(file) for file in utterances]
        return pd.DataFrame(index=utterance_index(files))
    if tuple(utterances.index.names) != INDEX:
        raise TableError(
            f"an utterance table has the index levels {', '.join(INDEX)}; this one has "
            f"{', '.join(map(str, utterances.index.names))}"
        )
    return utterances


def tasks_of(
    index: pd.Index, sources: Mapping[str, Source] | None = None, *, parts: int = 1
) -> tuple[NDArray[np.intp], list[Task]]:
    """Give each different row a slot, and gather slots by file.

    Args:
        index: an utterance index, n rows.
        sources: the recordings of those files that are in memory.
        parts: how many results are wanted of each span.

    Returns:
        The slot of each row, shape (n,); and the tasks, in the order of the table.

    Raises:
        AudioError: when a file has an address of a kind that can't be opened here.
        MissingExtraError: when it has one, without fsspec.
    """
    import pandas as pd

    files, starts, ends = (index.get_level_values(level) for level in range(3))
    start_ns = _nanoseconds(pd.TimedeltaIndex(starts), 0)
    end_ns = _nanoseconds(pd.TimedeltaIndex(ends), WHOLE)
    spans: dict[tuple[str, int, int], int] = {}
    by_file: dict[str, list[Span]] = {}
    which = np.empty(len(index), np.intp)
    for row, span in enumerate(zip(files, start_ns, end_ns, strict=True)):
        if span not in spans:
            spans[span] = len(spans)
            each = Span(spans[span], *span[1:], parts=tuple(range(parts)))
            by_file.setdefault(span[0], []).append(each)
        which[row] = spans[span]
    held = sources or {}
    check_schemes(file for file in by_file if file not in held)
    return which, [
        # a worker process may be in another folder
        Task(held[file] if file in held else absolute(file), tuple(some[i : i + SPANS_PER_TASK]))
        for file, some in by_file.items()
        for i in range(0, len(some), SPANS_PER_TASK)
    ]


def run_tasks(
    tasks: list[Task],
    compute: Compute,
    keep: Callable[[int, int, Result], None],
    *,
    contracts: Sequence[FeatureSpec],
    jobs: int | None,
    cache: str | os.PathLike[str] | bool | None,
    advance: Callable[[int], None],
    few: int = FEW,
) -> None:
    """Get the results of every span, from the cache where it has them.

    Args:
        tasks: the files and spans.
        compute: what is done with each span; it must pickle.
        keep: is called with each slot, part and result.
        contracts: what the result of each part is, for the cache; none where they aren't worth
            keeping.
        jobs: worker processes; None is one per core, or none at all for up to `few` spans, and in a
            process that may start none. With 1 all happens in this process, where a crash of a
            library isn't survived.
        cache: the folder of the cache; None is `AFFECTSPACE_CACHE` or the platform's place for
            caches; False is no cache.
        advance: is called with the number of results that are there.
        few: how many spans aren't worth starting processes for.

    Raises:
        ValueError: when `jobs` isn't positive.
        AffectspaceError: when worker processes can't start.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs should be at least 1, and is {jobs}")

    def run(tasks: list[Task], known: Known) -> Iterator[Reply]:
        few_spans = sum(len(task.spans) for task in tasks) <= few
        if jobs == 1 or (jobs is None and (few_spans or current_process().daemon)):
            return run_here(tasks, compute, known)
        here = [task for task in tasks if memory_of(task.source) > IN_MEMORY]  # too much to send
        sent = [task for task in tasks if memory_of(task.source) <= IN_MEMORY]
        return chain(
            run_here(here, compute, known),
            run_in_processes(sent, compute, known, jobs or available_cores()),
        )

    with ExitStack() as stack:
        stores = [stack.enter_context(store) for store in _caches(cache, contracts)]
        _fill(tasks, run, stores, keep, advance)


def _fill(
    tasks: list[Task],
    run: _Run,
    stores: Sequence[Cache],
    keep: Callable[[int, int, Result], None],
    advance: Callable[[int], None],
) -> None:
    hits: list[dict[bytes, list[int]]] = [{} for _ in stores]
    for slot, part, key, result in run(tasks, [store.keys() for store in stores] or None):
        if result is None:
            hits[part].setdefault(key or b"", []).append(slot)
        else:
            keep(slot, part, result)
            if key:
                stores[part].add(key, result)
        advance(1)
    lost: dict[int, list[int]] = {}  # what was there at the start and is damaged, or gone
    for part, store in enumerate(stores):
        for key, result in store.read(hits[part]):
            for slot in hits[part].pop(key):
                keep(slot, part, result)
        for slots in hits[part].values():
            for slot in slots:
                lost.setdefault(slot, []).append(part)
    again = [task for task in (only(task, lost) for task in tasks) if task.spans]
    for slot, part, key, result in run(again, [frozenset()] * len(stores)):
        if result is not None:
            keep(slot, part, result)
            if key:
                stores[part].add(key, result)


def _nanoseconds(times: pd.TimedeltaIndex, missing: int) -> list[int]:
    whole = times.to_numpy("timedelta64[ns]").astype(np.int64)
    return [int(time) for time in np.where(times.isna(), missing, whole)]


def _caches(
    cache: str | os.PathLike[str] | bool | None, contracts: Sequence[FeatureSpec]
) -> list[Cache]:
    if cache is False or not contracts:
        return []
    from affectspace.features.cache import Cache, default_root

    root = default_root() if cache is None or cache is True else Path(cache)
    return [Cache(root, contract) for contract in contracts]
