"""`extract`: many recordings -> `FeatureTable`, on all cores, cached by content and contract."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, Channel, Status
from affectspace.audio.names import locate
from affectspace.errors import ContractError, TableError
from affectspace.features import registry
from affectspace.features.backend import Backend
from affectspace.features.pool import run_here, run_in_processes
from affectspace.features.spec import AS_RECORDED
from affectspace.features.work import WHOLE, Reply, Result, Span, Task
from affectspace.processes import available_cores
from affectspace.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.features.cache import Cache
    from affectspace.features.table import FeatureTable

_LOG = logging.getLogger(__name__)
FEW = 4  # spans that aren't worth starting processes for
SPANS_PER_TASK = 64


def extract(
    utterances: pd.DataFrame | Sequence[str | os.PathLike[str]],
    *,
    features: str | Backend = "egemaps",
    channel: Channel = "first",
    level: str = AS_RECORDED,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> FeatureTable:
    """Extract the features of many recordings.

    No recording ends the run: each row comes back with a status from the closed list
    [`Status`][affectspace.audio.Status], and with NaN where there is no answer.

    Args:
        utterances: an utterance table (index `file, start, end`), or a list of files. A row may
            come twice; it is computed once.
        features: a set's name, one of `features.names()`; or a
            [`Backend`][affectspace.features.Backend] of your own, which then brings its channel and
            level rule.
        channel: `first`, `mean` of all channels, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL` to scale every signal to a level in dBFS.
        jobs: worker processes; None is one per core, or none at all for up to 4 rows. With 1 all
            happens in this process, where a crash of a library isn't survived.
        cache: the folder of the cache; None is `AFFECTSPACE_CACHE` or the platform's place for
            caches; False is no cache.
        progress: show a progress bar on stderr.

    Returns:
        One row per utterance, in the order they came, with their columns.

    Raises:
        ContractError: when the set or a rule isn't known.
        TableError: when the table has another index.
        AffectspaceError: when worker processes can't start.

    Examples:
        >>> table = extract(["nowhere.wav"], cache=False)
        >>> table.rows["status"].to_list(), table.values.shape
        (['missing'], (1, 88))
    """
    from affectspace.features.table import table_of_results

    backend = _backend(features, channel, level)
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs should be at least 1, and is {jobs}")
    table = _as_table(utterances)
    which, tasks = _tasks(table.index)
    count = int(which.max()) + 1 if len(which) else 0
    values = np.full((count, len(backend.spec.features)), np.nan, np.float32)
    results: list[Result] = [Result(Status.FAILED)] * count
    run = _runner(backend, available_cores() if jobs is None else jobs, jobs is None)

    def keep(slot: int, result: Result) -> None:
        if result.values is not None:
            values[slot] = result.values
        results[slot] = result._replace(values=None)

    store = _cache(cache, backend)
    with store or nullcontext(), progress_bar(count, "Extracting", show=progress) as advance:
        _fill(tasks, run, store, keep, advance)
    if count < len(which):
        values = values[which]
    return table_of_results(table, backend.spec, values, [results[slot] for slot in which])


def _fill(
    tasks: list[Task],
    run: Callable[[list[Task], frozenset[bytes] | None], Iterator[Reply]],
    store: Cache | None,
    keep: Callable[[int, Result], None],
    advance: Callable[[int], None],
) -> None:
    """Get every task's results, from the cache where it has them."""
    if store is None:
        for slot, _, result in run(tasks, None):
            assert result is not None  # noqa: S101  (only a cache leaves results out)
            keep(slot, result)
            advance(1)
        return
    hits: dict[bytes, list[int]] = {}
    for slot, key, result in run(tasks, store.keys()):
        if result is None:
            hits.setdefault(key or b"", []).append(slot)
        else:
            keep(slot, result)
            if key:
                store.add(key, result)
        advance(1)
    for key, result in store.read(hits):
        for slot in hits.pop(key):
            keep(slot, result)
    # what was there at the start and is damaged, or gone
    lost = {slot for slots in hits.values() for slot in slots}
    again = [Task(path, tuple(s for s in spans if s.slot in lost)) for path, spans in tasks]
    for slot, key, result in run([task for task in again if task.spans], frozenset()):
        if result is not None:
            keep(slot, result)
            if key:
                store.add(key, result)


def _runner(
    backend: Backend, jobs: int, few_here: bool
) -> Callable[[list[Task], frozenset[bytes] | None], Iterator[Reply]]:
    """Return what runs tasks: this process, or several others."""

    def run(tasks: list[Task], known: frozenset[bytes] | None) -> Iterator[Reply]:
        few = few_here and sum(len(task.spans) for task in tasks) <= FEW
        if jobs == 1 or few:
            return run_here(tasks, backend, known)
        return run_in_processes(tasks, backend, known, jobs)

    return run


def _backend(features: str | Backend, channel: Channel, level: str) -> Backend:
    if isinstance(features, str):
        return registry.backend(features, channel=channel, level=level)
    if features.spec.sampling_rate != SAMPLING_RATE:
        raise ContractError(
            f"signals have {SAMPLING_RATE} Hz, {features.spec} wants {features.spec.sampling_rate}"
        )
    return features


def _as_table(utterances: pd.DataFrame | Sequence[str | os.PathLike[str]]) -> pd.DataFrame:
    import pandas as pd

    from affectspace.tables import INDEX, utterance_index

    if not isinstance(utterances, pd.DataFrame):
        files = [os.fspath(file) for file in utterances]
        return pd.DataFrame(index=utterance_index(files))
    if tuple(utterances.index.names) != INDEX:
        raise TableError(
            f"an utterance table has the index levels {', '.join(INDEX)}; this one has "
            f"{', '.join(map(str, utterances.index.names))}"
        )
    return utterances


def _tasks(index: pd.Index) -> tuple[NDArray[np.intp], list[Task]]:
    """Give each different row a slot, and gather slots by file.

    Returns:
        The slot of each row, shape (n,); and the tasks, in the order of the table.
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
            by_file.setdefault(span[0], []).append(Span(spans[span], *span[1:]))
        which[row] = spans[span]
    return which, [
        # a worker process may be in another folder
        Task(os.path.abspath(locate(file)), tuple(parts[i : i + SPANS_PER_TASK]))  # noqa: PTH100
        for file, parts in by_file.items()
        for i in range(0, len(parts), SPANS_PER_TASK)
    ]


def _nanoseconds(times: pd.TimedeltaIndex, missing: int) -> list[int]:
    whole = times.to_numpy("timedelta64[ns]").astype(np.int64)
    return [int(time) for time in np.where(times.isna(), missing, whole)]


def _cache(cache: str | os.PathLike[str] | bool | None, backend: Backend) -> Cache | None:
    if cache is False:
        return None
    from affectspace.features.cache import Cache, default_root

    root = default_root() if cache is None or cache is True else Path(cache)
    return Cache(root, backend.spec)
